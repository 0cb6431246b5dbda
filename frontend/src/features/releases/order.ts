/** Which services stand first where it is decided what may be released: pure. */

import type { OverviewRow } from "../../api/overview";

const ORDER = ["BLOCK", "OVERRIDDEN", "UNKNOWN", "WARN", "ALLOW"] as const;
type State = (typeof ORDER)[number];

/** What a person has decided is no health: it stands behind what is blocked, before all else. */
export function stateOf({ decision }: OverviewRow): State {
  if (decision === null) return "UNKNOWN";
  return decision.overridden ? "OVERRIDDEN" : decision.decision;
}

export function byUrgency(a: OverviewRow, b: OverviewRow): number {
  return (
    ORDER.indexOf(stateOf(a)) - ORDER.indexOf(stateOf(b)) ||
    a.tier - b.tier ||
    (a.service_name < b.service_name ? -1 : 1)
  );
}
