import { Fragment } from "react";
import { Link } from "react-router-dom";

import type { OverviewRow } from "../../api/overview";
import { LOOKS } from "../../components/HealthBadge";
import { burnRateRange, shortRate } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { axisTime, dayTime } from "../../lib/time";
import { levelAt } from "../../lib/vocabulary";

interface Props {
  rows: readonly OverviewRow[];
  hoursEnd: readonly number[];
}

const MOST_ROWS = 150;

/** Services by hours of the last day; each cell says its figure where the screen has room. */
export function HeatMap({ rows, hoursEnd }: Props) {
  const chosenZone = useStore(zone);
  const shown = rows.slice(0, MOST_ROWS);
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-panel p-3">
      <table className="w-full border-separate border-spacing-[2px] text-xs">
        <caption className="mb-2 text-left text-muted">
          Burn rate of each hour, a multiple of the allowed rate; an empty cell had no requests.
        </caption>
        <thead>
          <tr className="text-muted">
            <th scope="col" className="text-left font-normal">
              hour until
            </th>
            {hoursEnd.map((end, i) => (
              <th key={end} scope="col" className="font-normal">
                {i % 3 === hoursEnd.length % 3 ? axisTime(end * 1000, 0, chosenZone) : ""}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.service_name}>
              <th scope="row" className="max-w-40 truncate pr-2 text-left font-medium">
                <Link to={`/services/${row.service_name}`} className="hover:underline">
                  {row.service_name}
                </Link>
              </th>
              {row.hourly_burn_rates.map((rate, i) => (
                <Fragment key={hoursEnd[i] ?? i}>
                  <Cell
                    rate={rate}
                    title={`${row.service_name}, hour until ${dayTime((hoursEnd[i] ?? 0) * 1000, chosenZone)}: ${burnRateRange(rate, row.hourly_burn_rates_least?.[i] ?? null)}`}
                  />
                </Fragment>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS && (
        <p className="mt-2 text-xs text-muted">
          The first {MOST_ROWS} of {rows.length} services in this order; search or filter for
          others.
        </p>
      )}
    </div>
  );
}

function Cell({ rate, title }: { rate: number | null; title: string }) {
  return (
    <td
      title={title}
      className={`h-7 min-w-8 rounded-sm text-center ${rate !== null && levelAt(rate) === "FREEZE" ? "font-semibold" : ""}`}
      style={{ background: background(rate) }}
    >
      {shortRate(rate)}
    </td>
  );
}

const SHARES = { OBSERVE: 40, DANGER: 50, FREEZE: 55 };

/** Deeper with the burn rate; the figure in the cell says the same, so colour is not needed. */
function background(rate: number | null): string {
  if (rate === null) return "transparent";
  const level = levelAt(rate);
  const share = level === "SAFE" ? 12 + rate * 18 : SHARES[level];
  return `color-mix(in srgb, ${LOOKS[level].fill} ${share}%, var(--panel))`;
}
