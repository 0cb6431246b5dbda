import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";

import { snapshotsQuery, type Snapshot } from "../../api/burn";
import { FirstEvent } from "../../components/FirstEvent";
import { HealthBadge } from "../../components/HealthBadge";
import { FIGURE, FigureTable } from "../../components/ui/FigureTable";
import { Panel } from "../../components/ui/Panel";
import { Empty, Shown } from "../../components/ui/states";
import { count, duration } from "../../lib/format";
import { useNow } from "../../lib/useNow";

const WORDS = ["Service", "State"];
const FIGURES = [
  "Newest report",
  "Counted through",
  "Rhythm",
  "Duplicates",
  "Id conflicts",
  "No identity",
  "Misplaced",
  "Shard",
];

/** Whether what is sent arrives: the newest event of each service and what was odd about it. */
export function ArrivalsPanel() {
  const query = useQuery(snapshotsQuery);
  // ages of hundreds of services are drawn again in the background, now and then
  const now = useDeferredValue(useNow(5000));
  return (
    <Panel title="What arrives, by service">
      <Shown query={query} height="20rem">
        {(snapshots) =>
          snapshots.length === 0 ? (
            <Empty title="Nothing has arrived yet">
              <FirstEvent />
            </Empty>
          ) : (
            <FigureTable
              label="What arrives, by service"
              words={WORDS}
              figures={FIGURES}
              className="-m-4"
            >
              {snapshots.map((snapshot) => (
                <Row key={snapshot.service_name} snapshot={snapshot} now={now} />
              ))}
            </FigureTable>
          )
        }
      </Shown>
    </Panel>
  );
}

function Row({ snapshot, now }: { snapshot: Snapshot; now: number }) {
  const age = (instant: string | null | undefined) =>
    instant == null ? "never" : `${duration((now - Date.parse(instant)) / 1000)} ago`;
  const odd = snapshot.counters;
  const figures = [odd.duplicates, odd.event_id_conflicts, odd.unidentified, odd.misrouted];
  return (
    <tr className="border-t border-line">
      <th scope="row" className="px-4 py-1.5 text-left font-semibold">
        {snapshot.service_name}
      </th>
      <td className="px-2">
        <HealthBadge level={snapshot.risk_level} status={snapshot.data_status} />
      </td>
      <td className={FIGURE}>{age(snapshot.newest_at)}</td>
      <td className={FIGURE}>{age(snapshot.applied_through)}</td>
      <td className={FIGURE}>{duration(snapshot.resolution_seconds ?? null)}</td>
      {figures.map((figure, i) => (
        <td key={i} className={`${FIGURE} ${figure > 0 ? "font-semibold" : "text-muted"}`}>
          {count(figure)}
        </td>
      ))}
      <td className={FIGURE}>{snapshot.shard ?? "–"}</td>
    </tr>
  );
}
