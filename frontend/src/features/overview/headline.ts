/** The state of all services in a sentence or two, from the figures on the page. Pure. */

import type { OverviewRow } from "../../api/overview";
import { budgetRange, burnRate, burnRateRange } from "../../lib/format";
import { DIRECTION_WORDS, direction, healthOf, severity } from "../../lib/health";
import { levelAt } from "../../lib/vocabulary";

export interface Headline {
  /** The service that the sentence is about; null where none stands out. */
  worst: string | null;
  text: string;
}

/** `stale`: the page hears nothing, so that nothing is known of any service. */
export function headlineOf(rows: readonly OverviewRow[], stale = false): Headline {
  const known = stale ? [] : rows.filter((row) => healthOf(row) !== "UNKNOWN");
  const unknown = rows.length - known.length;
  const worst = known.reduce<OverviewRow | null>(
    (found, row) => (found && severity(found) >= severity(row) ? found : row),
    null,
  );
  const doubt = unknown > 0 ? ` Nothing is known of ${many(unknown)} now.` : "";
  if (worst === null) return { worst: null, text: doubt.trim() };
  if (levelAt(worst.composite_burn_rate) === "SAFE") {
    return { worst: null, text: `${calm(known)}${doubt}` };
  }
  return { worst: worst.service_name, text: `${burning(worst)}${doubt}` };
}

function burning(row: OverviewRow): string {
  const rates =
    `5 min ${burnRate(row.burn_rate_5m)}, 1 h ${burnRate(row.burn_rate_1h)}, ` +
    `24 h ${burnRate(row.burn_rate_24h)}`;
  return (
    `burns ${burnRateRange(row.composite_burn_rate, row.composite_burn_rate_least, row.risk_level)} as fast as allowed (${rates}) and is ` +
    `${DIRECTION_WORDS[direction(row)]}. ${left(row)}`
  );
}

function left(row: OverviewRow): string {
  const share = budgetRange(row.error_budget_remaining, row.error_budget_remaining_most);
  return row.error_budget_remaining < 0
    ? `Its budget is overspent: ${share}.`
    : `${share} of its ${row.budget_window_days} day budget is left.`;
}

function calm(known: readonly OverviewRow[]): string {
  const spent = known.filter((row) => row.error_budget_remaining < 0);
  const lowest = known.reduce((a, b) =>
    a.error_budget_remaining <= b.error_budget_remaining ? a : b,
  );
  const budgets =
    spent.length > 0
      ? `The budget of ${many(spent.length)} is overspent, ${lowest.service_name}'s most.`
      : `${lowest.service_name} has the least budget left: ${budgetRange(lowest.error_budget_remaining, lowest.error_budget_remaining_most)}.`;
  return `No service burns faster than allowed. ${budgets}`;
}

function many(n: number): string {
  return n === 1 ? "1 service" : `${n} services`;
}
