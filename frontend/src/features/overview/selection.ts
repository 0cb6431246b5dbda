/** Which services are shown, in which order: pure, and all of it stands in the address. */

import type { OverviewRow } from "../../api/overview";
import { HEALTHS, healthOf, severity, type Health } from "../../lib/health";
import { TIERS } from "../../lib/vocabulary";

export const SORTS = ["worst", "name", "budget", "exhaustion", "5m", "1h", "24h"] as const;
export type Sort = (typeof SORTS)[number];

export interface Selection {
  search: string;
  healths: readonly Health[];
  tier: number | null;
  owner: string | null;
  sort: Sort;
}

export function selectionOf(search: URLSearchParams): Selection {
  return {
    search: search.get("q") ?? "",
    healths: HEALTHS.filter((health) => search.getAll("level").includes(health)),
    tier: TIERS.find((tier) => String(tier) === search.get("tier")) ?? null,
    owner: search.get("owner"),
    sort: SORTS.find((sort) => sort === search.get("sort")) ?? "worst",
  };
}

/** The address with some of it changed; what is as by default is left out. */
export function withSelection(
  search: URLSearchParams,
  changes: Partial<Selection>,
): URLSearchParams {
  const wanted = { ...selectionOf(search), ...changes };
  const next = new URLSearchParams(search);
  for (const name of ["q", "level", "tier", "owner", "sort"]) next.delete(name);
  if (wanted.search) next.set("q", wanted.search);
  for (const health of wanted.healths) next.append("level", health);
  if (wanted.tier !== null) next.set("tier", String(wanted.tier));
  if (wanted.owner !== null) next.set("owner", wanted.owner);
  if (wanted.sort !== "worst") next.set("sort", wanted.sort);
  return next;
}

/** The address with services of one health shown as well, or no more. */
export function withToggled(search: URLSearchParams, health: Health): URLSearchParams {
  const { healths } = selectionOf(search);
  const others = healths.filter((h) => h !== health);
  return withSelection(search, {
    healths: healths.includes(health) ? others : [...others, health],
  });
}

export function selected(rows: readonly OverviewRow[], wanted: Selection): OverviewRow[] {
  const needle = wanted.search.trim().toLowerCase();
  return rows
    .filter(
      (row) =>
        (!needle || `${row.service_name} ${row.owner}`.toLowerCase().includes(needle)) &&
        (wanted.healths.length === 0 || wanted.healths.includes(healthOf(row))) &&
        (wanted.tier === null || row.tier === wanted.tier) &&
        (wanted.owner === null || row.owner === wanted.owner),
    )
    .sort((a, b) => rank(wanted.sort, a, b) || (a.service_name < b.service_name ? -1 : 1));
}

function rank(sort: Sort, a: OverviewRow, b: OverviewRow): number {
  switch (sort) {
    case "worst":
      return severity(b) - severity(a);
    case "name":
      return 0;
    case "budget":
      return a.error_budget_remaining - b.error_budget_remaining;
    case "exhaustion":
      return hoursLeft(a) - hoursLeft(b);
    case "5m":
      return b.burn_rate_5m - a.burn_rate_5m;
    case "1h":
      return b.burn_rate_1h - a.burn_rate_1h;
    case "24h":
      return b.burn_rate_24h - a.burn_rate_24h;
  }
}

function hoursLeft(row: OverviewRow): number {
  if (row.error_budget_remaining <= 0) return -1;
  const { time_to_exhaustion_hours: left, forecast_status: status } = row.forecast;
  // what is not known yet may be soon, what is not within the window is not
  return left ?? (status === "known" ? Number.MAX_VALUE : Number.MAX_SAFE_INTEGER);
}

/** `stale`: the page hears nothing, so that no service is known to be in any state. */
export function countByHealth(rows: readonly OverviewRow[], stale = false): Record<Health, number> {
  const counts: Record<Health, number> = { FREEZE: 0, DANGER: 0, OBSERVE: 0, SAFE: 0, UNKNOWN: 0 };
  for (const row of rows) counts[stale ? "UNKNOWN" : healthOf(row)] += 1;
  return counts;
}

export function ownersOf(rows: readonly OverviewRow[]): string[] {
  return [...new Set(rows.map((row) => row.owner).filter((owner) => owner !== ""))].sort();
}
