import type { ReactNode } from "react";
import { CartesianGrid, ComposedChart, ResponsiveContainer, Tooltip, XAxis } from "recharts";

import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { axisTime, roundInstants, type TimeSpan } from "../../lib/time";
import { TICK, useChartLayout } from "./axes";
import { ChartTooltip, type Instant } from "./ChartTooltip";

interface Props<Point extends Instant> {
  points: readonly Point[];
  span: TimeSpan;
  /** In pixels on a usual screen. */
  height: number;
  /** There is an axis on the right too. */
  besideAxis?: boolean;
  /** What the cursor says at a point: name and figure. */
  lines: (point: Point) => [string, string][];
  children: ReactNode;
}

/** A plot over time; all of a page share one scale of it and one cursor. */
export function TimeChart<Point extends Instant>(props: Props<Point>) {
  const { span, besideAxis = false } = props;
  const [first, last] = span;
  const chosenZone = useStore(zone);
  const layout = useChartLayout();
  return (
    <ResponsiveContainer width="100%" height={props.height * layout.scale}>
      <ComposedChart
        data={[...props.points]}
        margin={besideAxis ? layout.marginBesideAxis : layout.margin}
        syncId="service"
        syncMethod="value"
      >
        <CartesianGrid stroke="var(--line)" vertical={false} />
        <XAxis
          dataKey="at"
          type="number"
          domain={[first, last]}
          scale="time"
          ticks={roundInstants(span, layout.timeTicks, chosenZone)}
          tickFormatter={(at: number) => axisTime(at, (last - first) / 1000, chosenZone)}
          tick={TICK}
          stroke="var(--line)"
          minTickGap={24}
        />
        <Tooltip
          cursor={{ stroke: "var(--strong-line)" }}
          content={<ChartTooltip lines={props.lines} />}
        />
        {props.children}
      </ComposedChart>
    </ResponsiveContainer>
  );
}
