import { Bar, Line, YAxis, type DotItemDotProps } from "recharts";

import { TICK, useChartLayout } from "../../components/charts/axes";
import { ChartFrame } from "../../components/charts/ChartFrame";
import { Legend } from "../../components/charts/Legend";
import { TimeChart } from "../../components/charts/TimeChart";
import { count, duration, goodRatio, tickCount } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime, type TimeSpan } from "../../lib/time";
import type { CountPoint } from "./series";

const LEGEND = [
  { name: "good (left axis)", colour: "var(--safe)" },
  { name: "bad (right axis)", colour: "var(--freeze)", area: true },
  { name: "ring: partial step", colour: "var(--safe)", dash: "1 3" },
];

function ratio(point: CountPoint): string {
  const total = point.good + point.bad;
  return total === 0 ? "no traffic" : goodRatio(point.good / total);
}

function step(point: CountPoint): string {
  return duration(point.stepSeconds) + (point.partial ? ", partial" : "");
}

function lines(point: CountPoint): [string, string][] {
  return [
    ["good", count(point.good)],
    ["bad", count(point.bad)],
    ["good share", ratio(point)],
    ["step", step(point)],
  ];
}

/** Marks the first and the last step where they are shorter than the others. */
function partialDot({ payload, cx, cy, key }: DotItemDotProps) {
  const point = payload as CountPoint;
  if (!point.partial) return <g key={key} />;
  return <circle key={key} cx={cx} cy={cy} r={3} fill="var(--panel)" stroke="var(--safe)" />;
}

interface Props {
  span: TimeSpan;
  points: readonly CountPoint[];
  stepSeconds: number;
}

/** Counts beside rates, so that thin evidence is seen; bad ones have an axis of their own. */
export function CountChart({ span, points, stepSeconds }: Props) {
  const chosenZone = useStore(zone);
  const { axisWidth, narrow } = useChartLayout();
  const axis = { width: axisWidth, tick: TICK, stroke: "var(--line)" };
  return (
    <ChartFrame
      title={`Requests in each ${duration(stepSeconds)}`}
      summary="Good and bad requests of each step"
      rows={points}
      columns={[
        { head: "Time", cell: (p) => dayTime(p.at, chosenZone) },
        { head: "Good", cell: (p) => count(p.good) },
        { head: "Bad", cell: (p) => count(p.bad) },
        { head: "Good share", cell: ratio },
        { head: "Step", cell: step },
      ]}
      legend={<Legend entries={LEGEND} />}
    >
      <TimeChart points={points} span={span} height={170} lines={lines} besideAxis>
        <YAxis yAxisId="good" {...axis} tickFormatter={tickCount} />
        <YAxis
          yAxisId="bad"
          orientation="right"
          mirror={narrow}
          {...axis}
          allowDecimals={false}
          tickFormatter={tickCount}
        />
        <Bar
          yAxisId="bad"
          dataKey="bad"
          fill="var(--freeze)"
          fillOpacity={0.75}
          isAnimationActive={false}
        />
        <Line
          yAxisId="good"
          dataKey="good"
          stroke="var(--safe)"
          strokeWidth={1.5}
          dot={partialDot}
          isAnimationActive={false}
        />
      </TimeChart>
    </ChartFrame>
  );
}
