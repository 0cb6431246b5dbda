/** The columns of the list: all of them on a desk, fewer on a tablet, two lines on a phone. */

import type { OverviewRow } from "../../api/overview";

export const COLUMNS =
  "grid-cols-[minmax(0,1fr)_auto_6.6rem] " +
  "md:grid-cols-[minmax(9rem,1.2fr)_7.5rem_7rem_10.5rem_7.5rem_minmax(9rem,1.3fr)] " +
  "xl:grid-cols-[minmax(9rem,1fr)_7.5rem_7.5rem_4.5rem_4.5rem_4.5rem_10.5rem_7.5rem_minmax(12rem,1.6fr)_8rem]";

export const CELL = {
  name: "min-w-0",
  level: "",
  composite: "text-right md:text-left",
  window: "hidden text-right xl:block",
  budget: "col-span-2 min-w-0 md:col-span-1",
  exhaustion: "hidden md:block",
  gate: "col-span-3 min-w-0 md:col-span-1",
  trend: "hidden xl:block",
};

/** Below it a row has several lines: the breakpoint `md` of the columns above. */
export const NARROW = "(max-width: 47.99rem)";

/** How tall a row is, in rem; why a release is not simply allowed takes a line more. */
export function rowHeight(row: OverviewRow | undefined, narrow: boolean): number {
  const explained = row?.decision != null && row.decision.decision !== "ALLOW";
  if (narrow) return explained ? 10 : 8.8;
  return explained ? 4.3 : 3.3;
}
