/** What all charts over time have in common. */

import { useMatches } from "../../lib/useMatches";

export const TICK = { fill: "var(--muted)", fontSize: 11 };
const EDGE = { top: 8, bottom: 0, left: 0 };

interface ChartLayout {
  /** Where there is no room beside the plot, axes on the right and labels stand in it. */
  narrow: boolean;
  axisWidth: number;
  /** Heights are multiplied by it: a great screen has room. */
  scale: number;
  /** How many times an axis may say. */
  timeTicks: number;
  margin: typeof EDGE & { right: number };
  /** The margin of a chart with an axis on the right. */
  marginBesideAxis: typeof EDGE & { right: number };
}

const AXIS_WIDTH = 60;

const WIDE: ChartLayout = {
  narrow: false,
  axisWidth: AXIS_WIDTH,
  scale: 1,
  timeTicks: 9,
  // as much on the right as an axis takes, so that all charts share one scale of time
  margin: { ...EDGE, right: 12 + AXIS_WIDTH },
  marginBesideAxis: { ...EDGE, right: 12 },
};
const NARROW: ChartLayout = {
  narrow: true,
  axisWidth: 52,
  scale: 1,
  timeTicks: 4,
  margin: { ...EDGE, right: 4 },
  marginBesideAxis: { ...EDGE, right: 4 },
};

const GREAT: ChartLayout = { ...WIDE, scale: 1.45, timeTicks: 14 };

export function useChartLayout(): ChartLayout {
  const narrow = useMatches("(max-width: 40rem)");
  const great = useMatches("(min-width: 2200px)");
  return narrow ? NARROW : great ? GREAT : WIDE;
}
