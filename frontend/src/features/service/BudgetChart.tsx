import { Area, Line, ReferenceLine, YAxis } from "recharts";

import { TICK, useChartLayout } from "../../components/charts/axes";
import { ChartFrame } from "../../components/charts/ChartFrame";
import { Legend } from "../../components/charts/Legend";
import { TimeChart } from "../../components/charts/TimeChart";
import { budget, tickShare } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime, type TimeSpan } from "../../lib/time";
import type { BudgetPoint } from "./series";

const LEGEND = [
  { name: "left", colour: "var(--accent)" },
  { name: "pace of 1×", colour: "var(--strong-line)", dash: "5 4" },
  { name: "expected", colour: "var(--danger)", dash: "2 3" },
  { name: "P10 to P90", colour: "var(--danger)", area: true },
];

/** A change of the service, or of what is promised of it. */
export interface Marker {
  id: string;
  at: number;
  label: string;
}

interface Props {
  span: TimeSpan;
  points: readonly BudgetPoint[];
  changes: readonly Marker[];
  windowDays: number;
}

const figure = (value: number | undefined) => (value === undefined ? "–" : budget(value));

function lines(point: BudgetPoint): [string, string][] {
  const shown: [string, string][] = [["left", figure(point.actual)]];
  if (point.cone) {
    shown[0] = ["expected", figure(point.likely)];
    shown.push(["P10 to P90", `${budget(point.cone[0])} to ${budget(point.cone[1])}`]);
  }
  return [...shown, ["pace of 1×", figure(point.ideal)]];
}

export function BudgetChart({ span, points, changes, windowDays }: Props) {
  const chosenZone = useStore(zone);
  const { axisWidth } = useChartLayout();
  return (
    <ChartFrame
      title="Error budget"
      summary={`Share of the ${windowDays} day error budget that was left, and its forecast`}
      rows={points}
      columns={[
        { head: "Time", cell: (p) => dayTime(p.at, chosenZone) },
        { head: "Left", cell: (p) => figure(p.actual) },
        { head: "Pace of 1×", cell: (p) => figure(p.ideal) },
        { head: "Expected", cell: (p) => figure(p.likely) },
        { head: "P10", cell: (p) => figure(p.cone?.[0]) },
        { head: "P90", cell: (p) => figure(p.cone?.[1]) },
      ]}
      legend={<Legend entries={LEGEND} />}
    >
      <TimeChart points={points} span={span} height={230} lines={lines}>
        <YAxis
          width={axisWidth}
          tick={TICK}
          stroke="var(--line)"
          tickFormatter={tickShare}
          domain={["auto", "auto"]}
        />
        <ReferenceLine y={0} stroke="var(--spent)" strokeWidth={2} />
        {changes.map((change) => (
          <ReferenceLine
            key={change.id}
            x={change.at}
            stroke="var(--observe)"
            strokeDasharray="3 3"
            label={{
              value: change.label,
              position: "insideTopLeft",
              fill: "var(--observe-ink)",
              fontSize: 11,
            }}
          />
        ))}
        <Area
          dataKey="cone"
          stroke="none"
          fill="var(--danger)"
          fillOpacity={0.25}
          isAnimationActive={false}
        />
        <Line
          dataKey="ideal"
          stroke="var(--strong-line)"
          strokeDasharray="5 4"
          dot={false}
          isAnimationActive={false}
        />
        <Line
          dataKey="actual"
          stroke="var(--accent)"
          strokeWidth={2}
          dot={false}
          isAnimationActive={false}
        />
        <Line
          dataKey="likely"
          stroke="var(--danger)"
          strokeWidth={2}
          strokeDasharray="2 3"
          dot={false}
          isAnimationActive={false}
        />
      </TimeChart>
    </ChartFrame>
  );
}
