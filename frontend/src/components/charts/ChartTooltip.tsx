import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { fullTime } from "../../lib/time";

export interface Instant {
  /** In milliseconds. */
  at: number;
}

interface Props<Point> {
  active?: boolean;
  payload?: readonly { payload?: unknown }[];
  lines: (point: Point) => readonly (readonly [name: string, figure: string])[];
}

/** The figures under the cursor, in words as exact as the table's. */
export function ChartTooltip<Point extends Instant>(props: Props<Point>) {
  const chosenZone = useStore(zone);
  const point = props.payload?.[0]?.payload as Point | undefined;
  if (!props.active || point === undefined) return null;
  return (
    <div className="rounded-md border border-line bg-panel px-3 py-2 text-xs shadow-lg">
      <div className="mb-1 text-muted">{fullTime(point.at, chosenZone)}</div>
      <table>
        <tbody>
          {props.lines(point).map(([name, figure]) => (
            <tr key={name}>
              <th scope="row" className="pr-3 text-left font-normal">
                {name}
              </th>
              <td className="text-right font-semibold">{figure}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
