import { ArrowDown, ArrowRight, ArrowUp, Minus } from "lucide-react";
import { memo, type ReactNode } from "react";
import { Link } from "react-router-dom";

import { momentOf, type OverviewRow } from "../../api/overview";
import { BudgetBar } from "../../components/BudgetBar";
import { Sparkline } from "../../components/charts/Sparkline";
import { DecisionBadge } from "../../components/DecisionBadge";
import { Figure } from "../../components/Figure";
import { useCertainty, useIsStale } from "../../components/freshness";
import { HealthBadge } from "../../components/HealthBadge";
import { OverrideNote } from "../../components/release/OverrideNote";
import { budget, burnRate, count, hourInterval, timeLeft } from "../../lib/format";
import { DIRECTION_WORDS, direction, type Certainty, type Direction } from "../../lib/health";
import { zone } from "../../lib/preferences";
import { sameShown } from "../../lib/sameShown";
import { useStore } from "../../lib/store";
import { clockTime } from "../../lib/time";
import { levelAt } from "../../lib/vocabulary";
import { CELL, COLUMNS } from "./columns";

interface Props {
  row: OverviewRow;
  active: boolean;
}

export const ServiceRow = memo(function ServiceRow({ row, active }: Props) {
  const certainty = useCertainty(row.data_status, row.bad_events_left !== null);
  const current = certainty === "current";
  return (
    <Link
      to={`/services/${row.service_name}`}
      data-service={row.service_name}
      className={`grid h-full content-center items-center gap-x-3 gap-y-1 border-b border-line px-3 hover:bg-raised focus-visible:-outline-offset-2 sm:px-4
        ${COLUMNS} ${active ? "bg-raised outline-2 -outline-offset-2 outline-accent" : ""}`}
    >
      <div className={CELL.name}>
        <div className="truncate font-semibold">{row.service_name}</div>
        <div className="truncate text-xs text-muted">
          tier {row.tier}
          {row.owner && ` · ${row.owner}`}
        </div>
      </div>
      <div className={CELL.level}>
        <HealthBadge level={row.risk_level} status={row.data_status} />
      </div>
      <div className={CELL.composite}>
        <Figure
          certainty={certainty}
          figure={burnRate(row.composite_burn_rate, row.risk_level)}
          className="font-semibold"
        />
        <DirectionMark
          direction={current ? direction(row) : "unknown"}
          burning={levelAt(row.burn_rate_5m) !== "SAFE"}
        />
      </div>
      <Rate className={CELL.window} rate={row.burn_rate_5m} certainty={certainty} />
      <Rate className={CELL.window} rate={row.burn_rate_1h} certainty={certainty} />
      <Rate className={CELL.window} rate={row.burn_rate_24h} certainty={certainty} />
      <div className={CELL.budget}>
        <BudgetBar remaining={row.error_budget_remaining} certainty={certainty} />
        <div className="truncate text-xs text-muted">{failuresLeft(row)}</div>
      </div>
      <Exhaustion className={CELL.exhaustion} row={row} certainty={certainty} />
      <Gate className={CELL.gate} row={row} />
      <div className={CELL.trend}>
        <Sparkline
          values={row.hourly_burn_rates}
          label={`burn rate of ${row.service_name} in the last 24 hours`}
        />
      </div>
    </Link>
  );
}, sameShown);

interface RateProps {
  rate: number;
  certainty: Certainty;
  className: string;
}

function Rate({ rate, certainty, className }: RateProps) {
  return (
    <div className={className}>
      <Figure
        certainty={certainty}
        figure={burnRate(rate)}
        className={levelAt(rate) === "SAFE" ? "text-muted" : "font-semibold"}
      />
    </div>
  );
}

const ARROWS: Record<Direction, ReactNode> = {
  worse: <ArrowUp size={12} aria-hidden />,
  better: <ArrowDown size={12} aria-hidden />,
  steady: <ArrowRight size={12} aria-hidden />,
  unknown: <Minus size={12} aria-hidden />,
};

function DirectionMark({
  direction: towards,
  burning,
}: {
  direction: Direction;
  burning: boolean;
}) {
  return (
    <div
      className={`flex items-center gap-0.5 text-xs whitespace-nowrap ${towards === "worse" && burning ? "font-semibold text-freeze-ink" : "text-muted"}`}
    >
      {ARROWS[towards]}
      {towards === "unknown" ? "–" : DIRECTION_WORDS[towards]}
    </div>
  );
}

function failuresLeft(row: OverviewRow): string {
  const left = row.bad_events_left;
  if (left === null) return "no requests counted";
  const failures =
    left >= 0 ? `${count(left)} failures left` : `${count(-left)} failures over budget`;
  return row.coverage_ratio < 1
    ? `${failures}, sure of ${budget(row.coverage_ratio)} of requests`
    : failures;
}

interface ExhaustionProps {
  row: OverviewRow;
  certainty: Certainty;
  className: string;
}

function Exhaustion({ row, certainty, className }: ExhaustionProps) {
  const { time_to_exhaustion_hours: left, p10_hours: low, p90_hours: high } = row.forecast;
  const spent = row.error_budget_remaining <= 0;
  const interval = spent || certainty !== "current" ? null : hourInterval(low, high);
  const look = spent
    ? "font-semibold text-spent-ink"
    : left === null
      ? "text-xs whitespace-nowrap text-muted"
      : "";
  const words = spent ? "spent" : timeLeft(row.forecast, row.window_days);
  return (
    <div className={className}>
      <Figure certainty={certainty} figure={words} className={look} />
      {interval && <div className="text-xs text-muted">{interval}</div>}
    </div>
  );
}

function Gate({ row, className }: { row: OverviewRow; className: string }) {
  const stale = useIsStale();
  const gate = row.decision;
  const chosenZone = useStore(zone);
  if (gate === null) return <div className={`${className} text-muted`}>no decision yet</div>;
  const calm = gate.decision === "ALLOW" && !gate.overridden;
  return (
    <div className={className}>
      <DecisionBadge {...gate} />
      <div
        title={gate.reason ?? undefined}
        className={`text-xs text-muted ${calm ? "truncate" : "line-clamp-2"}`}
      >
        {stale && "was: "}
        {/* the figures beside it may have gone on since */}
        {!gate.override && gate.snapshot_id !== null && gate.snapshot_id !== row.snapshot_id && (
          <span>{clockTime(momentOf(gate.snapshot_id), chosenZone)} </span>
        )}
        {gate.override && !stale ? <OverrideNote override={gate.override} /> : gate.reason}
      </div>
    </div>
  );
}
