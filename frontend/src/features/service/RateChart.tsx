import {
  CartesianGrid,
  Line,
  LineChart,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";

import { CURSOR, GRID, MARGIN, TICK, Y_WIDTH, timeAxis } from "../../components/charts/axes";
import { ChartFrame } from "../../components/charts/ChartFrame";
import { ChartTooltip } from "../../components/charts/ChartTooltip";
import { Legend } from "../../components/charts/Legend";
import { burnRate } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { logDomain, type RatePoint } from "./series";

const SERIES = [
  { key: "short", name: "5 min", colour: "var(--danger)", width: 1.2 },
  { key: "hour", name: "1 h", colour: "var(--observe)", width: 1.6 },
  { key: "day", name: "24 h", colour: "var(--spent)", width: 1.6, dash: "6 3" },
  { key: "composite", name: "composite", colour: "var(--ink)", width: 2 },
] as const;

interface Props {
  points: readonly RatePoint[];
  /** The burn pairs' thresholds, of which the highest pages first. */
  thresholds: readonly number[];
}

function lines(point: RatePoint): [string, string][] {
  return SERIES.map(({ key, name }) => [name, burnRate(point[key])]);
}

export function RateChart({ points, thresholds }: Props) {
  const chosenZone = useStore(zone);
  const marks = [...new Set([...thresholds, 1, 2])].sort((a, b) => a - b);
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
      ]}
      legend={
        <Legend
          entries={SERIES.map((s) => ({
            name: s.name,
            colour: s.colour,
            ...("dash" in s ? { dash: s.dash } : {}),
          }))}
        />
      }
    >
      <ResponsiveContainer width="100%" height={250}>
        <LineChart data={[...points]} margin={MARGIN} syncId="service" syncMethod="value">
          <CartesianGrid {...GRID} />
          <XAxis {...timeAxis(points, chosenZone)} />
          <YAxis
            width={Y_WIDTH}
            tick={TICK}
            stroke="var(--line)"
            scale="log"
            domain={[...logDomain(points, thresholds)]}
            ticks={[0.01, 0.1, 1, 10, 100, 1000]}
            allowDataOverflow
            tickFormatter={(v: number) => (v === 0.01 ? "≤ 0.01" : String(v))}
          />
          <Tooltip cursor={CURSOR} content={<ChartTooltip lines={lines} />} />
          {marks.map((mark) => (
            <ReferenceLine
              key={mark}
              y={mark}
              stroke={mark === 2 ? "var(--freeze)" : "var(--strong-line)"}
              strokeDasharray="3 3"
              label={{
                value: mark === 2 ? "2 FREEZE" : String(mark),
                position: "right",
                fill: "var(--muted)",
                fontSize: 10,
              }}
            />
          ))}
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
        </LineChart>
      </ResponsiveContainer>
    </ChartFrame>
  );
}
