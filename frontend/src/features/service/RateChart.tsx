import { Line, ReferenceArea, ReferenceLine, YAxis } from "recharts";

import { TICK, useChartLayout } from "../../components/charts/axes";
import { ChartFrame } from "../../components/charts/ChartFrame";
import { Legend } from "../../components/charts/Legend";
import { TimeChart } from "../../components/charts/TimeChart";
import { burnRate } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime, type TimeSpan } from "../../lib/time";
import { FREEZE_ABOVE } from "../../lib/vocabulary";
import { logDomain, type RatePoint } from "./series";
import { firingAt, mergedSpans, type FiringSpan } from "./spans";

const SERIES = [
  { key: "short", name: "5 min", colour: "var(--danger)", width: 1.2 },
  { key: "hour", name: "1 h", colour: "var(--observe)", width: 1.6 },
  { key: "day", name: "24 h", colour: "var(--spent)", width: 1.6, dash: "6 3" },
  { key: "composite", name: "composite", colour: "var(--ink)", width: 2 },
] as const;

const FIRING = [
  { severity: "ticket", name: "ticket firing", colour: "var(--observe)", opacity: 0.14 },
  { severity: "page", name: "page firing", colour: "var(--freeze)", opacity: 0.2 },
] as const;

const LEGEND = [
  ...SERIES.map(({ name, colour, ...rest }) => ({
    name,
    colour,
    ...("dash" in rest ? { dash: rest.dash } : {}),
  })),
  ...FIRING.map(({ name, colour }) => ({ name, colour, area: true })),
];

/** The burn rate that spends the budget exactly in its window. */
const SPENT_IN_THE_WINDOW = 1;

interface Props {
  span: TimeSpan;
  points: readonly RatePoint[];
  /** The burn pairs' thresholds, of which the highest pages first. */
  thresholds: readonly number[];
  firing: readonly FiringSpan[];
}

export function RateChart({ span, points, thresholds, firing }: Props) {
  const chosenZone = useStore(zone);
  const { axisWidth, narrow } = useChartLayout();
  const lines = (point: RatePoint): [string, string][] => [
    ...SERIES.map(({ key, name }): [string, string] => [name, burnRate(point[key])]),
    ["firing", firingAt(firing, point.at)],
  ];
  const marks = [...new Set([...thresholds, SPENT_IN_THE_WINDOW, FREEZE_ABOVE])].sort(
    (a, b) => a - b,
  );
  return (
    <ChartFrame
      title="Burn rates"
      summary="Burn rates over 5 minutes, 1 hour, 24 hours, and the composite, on a log axis"
      rows={points}
      columns={[
        { head: "Time", cell: (p) => dayTime(p.at, chosenZone) },
        ...SERIES.map(({ key, name }) => ({
          head: name,
          cell: (p: RatePoint) => burnRate(p[key]),
        })),
        { head: "Firing", cell: (p) => firingAt(firing, p.at) },
      ]}
      legend={<Legend entries={LEGEND} />}
    >
      <TimeChart points={points} span={span} height={250} lines={lines}>
        <YAxis
          width={axisWidth}
          tick={TICK}
          stroke="var(--line)"
          scale="log"
          domain={[...logDomain(points, thresholds)]}
          ticks={[0.01, 0.1, 1, 10, 100, 1000]}
          allowDataOverflow
          tickFormatter={(v: number) => (v === 0.01 ? "≤ 0.01" : String(v))}
        />
        {firingAreas(firing)}
        {thresholdLines(marks, narrow)}
        {SERIES.map((series) => (
          <Line
            key={series.key}
            dataKey={series.key}
            stroke={series.colour}
            strokeWidth={series.width}
            {...("dash" in series ? { strokeDasharray: series.dash } : {})}
            dot={false}
            isAnimationActive={false}
          />
        ))}
      </TimeChart>
    </ChartFrame>
  );
}

function firingAreas(firing: readonly FiringSpan[]) {
  return FIRING.flatMap(({ severity, colour, opacity }) =>
    mergedSpans(firing, severity).map(([from, to]) => (
      <ReferenceArea
        key={`${severity}-${from}`}
        className={`firing-${severity}`}
        x1={from}
        x2={to}
        fill={colour}
        fillOpacity={opacity}
        stroke={colour}
        strokeOpacity={0.5}
      />
    )),
  );
}

/** At the edge of the plot where there is room for words, in it on a phone. */
function thresholdLines(marks: readonly number[], narrow: boolean) {
  // on a log axis less than this factor is no room for a line of text; FREEZE is always named
  const isApart = (mark: number) =>
    mark === FREEZE_ABOVE || Math.abs(Math.log2(mark / FREEZE_ABOVE)) >= 1;
  return marks.map((mark) => (
    <ReferenceLine
      key={mark}
      y={mark}
      stroke={mark === FREEZE_ABOVE ? "var(--freeze)" : "var(--strong-line)"}
      strokeDasharray="3 3"
      label={{
        value: mark === FREEZE_ABOVE ? `${FREEZE_ABOVE} FREEZE` : isApart(mark) ? String(mark) : "",
        position: narrow ? "insideTopRight" : "right",
        fill: "var(--muted)",
        fontSize: 10,
      }}
    />
  ));
}
