import type { UseQueryResult } from "@tanstack/react-query";

import type { Schemas } from "../../api/client";
import { Failure, Loading } from "../../components/ui/states";
import { budget, burnRate, count, duration, objective, spent } from "../../lib/format";
import { STATUS_WORDS } from "../../lib/health";

type Preview = Schemas["Preview"];

/** "At 99.95 % over 30 days this would have spent 214 % of the budget." */
export function PreviewText({ query, asked }: { query: UseQueryResult<Preview>; asked: boolean }) {
  if (!asked) {
    return <p className="text-sm text-muted">Fill in the objective to see what it would mean.</p>;
  }
  if (query.error) return <Failure error={query.error} />;
  if (query.data === undefined) return <Loading height="3rem" />;
  const { would_be: would, objective: ratio, window_days: days } = query.data;
  if (would.total === 0) {
    return <p className="text-sm text-muted">Nothing is stored for it to be held against.</p>;
  }
  const frozen = would.level_seconds["FREEZE"] ?? 0;
  const reported = `${duration(would.reported_seconds)} with reports, ${budget(would.coverage_ratio)} of the window`;
  return (
    <div
      data-testid="preview"
      aria-live="polite"
      className="rounded-md bg-raised p-3 text-sm leading-6"
    >
      At {objective(ratio)} over {days} days this would have spent{" "}
      <strong>{spent(would.error_budget_consumed)}</strong> of the budget ({count(would.bad)} bad of{" "}
      {count(would.total)}).{" "}
      {would.error_budget_remaining_most !== null && (
        <>
          {count(would.uncertain)} of them may have been fast: then{" "}
          {budget(would.error_budget_remaining_most)} of the budget would be left.{" "}
        </>
      )}
      {would.risk_level === null ? (
        <>
          There is no level now: <strong>{STATUS_WORDS[would.data_status]}</strong>.{" "}
        </>
      ) : (
        <>
          The level would be <strong>{would.risk_level}</strong> now, at{" "}
          {burnRate(would.composite_burn_rate, would.risk_level)}.{" "}
        </>
      )}
      {frozen > 0
        ? `It would have been FREEZE for ${duration(frozen)} of ${reported}.`
        : `It would never have been FREEZE in ${reported}.`}
    </div>
  );
}
