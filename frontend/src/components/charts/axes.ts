/** What all charts over time have in common. */

import { axisTime, type Zone } from "../../lib/time";
import { useMatches } from "../../lib/useMatches";

export const GRID = { stroke: "var(--line)", vertical: false };
export const TICK = { fill: "var(--muted)", fontSize: 11 };
const EDGE = { top: 8, bottom: 0, left: 0 };

interface ChartLayout {
  /** Where there is no room beside the plot, axes on the right and labels stand in it. */
  narrow: boolean;
  axisWidth: number;
  margin: typeof EDGE & { right: number };
  /** The margin of a chart with an axis on the right. */
  marginBesideAxis: typeof EDGE & { right: number };
}

const WIDE: ChartLayout = {
  narrow: false,
  axisWidth: 52,
  // as much on the right as an axis takes, so that all charts share one scale of time
  margin: { ...EDGE, right: 12 + 52 },
  marginBesideAxis: { ...EDGE, right: 12 },
};
const NARROW: ChartLayout = {
  narrow: true,
  axisWidth: 42,
  margin: { ...EDGE, right: 4 },
  marginBesideAxis: { ...EDGE, right: 4 },
};

export function useChartLayout(): ChartLayout {
  return useMatches("(max-width: 40rem)") ? NARROW : WIDE;
}

export const CURSOR = { stroke: "var(--strong-line)" };

/** From when to when the charts reach, in milliseconds. */
export type TimeSpan = readonly [first: number, last: number];

export function timeAxis([first, last]: TimeSpan, zone: Zone) {
  return {
    dataKey: "at",
    type: "number" as const,
    domain: [first, last] as [number, number],
    scale: "time" as const,
    tickFormatter: (at: number) => axisTime(at, (last - first) / 1000, zone),
    tick: TICK,
    stroke: "var(--line)",
    minTickGap: 48,
  };
}
