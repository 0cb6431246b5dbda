/** What all charts over time have in common. */

import { axisTime, type Zone } from "../../lib/time";

export const GRID = { stroke: "var(--line)", vertical: false };
export const TICK = { fill: "var(--muted)", fontSize: 11 };
export const Y_WIDTH = 52;
/** As much on the right as an axis takes, so that all charts share one scale of time. */
export const MARGIN = { top: 8, right: 12 + Y_WIDTH, bottom: 0, left: 0 };
export const CURSOR = { stroke: "var(--strong-line)" };

export function timeAxis(points: readonly { at: number }[], zone: Zone) {
  const first = points[0]?.at ?? 0;
  const last = points[points.length - 1]?.at ?? 0;
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
