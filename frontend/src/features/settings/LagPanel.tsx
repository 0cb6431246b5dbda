import { useQuery } from "@tanstack/react-query";

import { lagQuery, type Lag, type ShardLag } from "../../api/ingest";
import { useIsStale } from "../../components/freshness";
import { FIGURE, FigureTable } from "../../components/ui/FigureTable";
import { Panel } from "../../components/ui/Panel";
import { Empty, Shown } from "../../components/ui/states";
import { count, duration } from "../../lib/format";

const WORDS = ["Consumer and topic"];
const FIGURES = ["Shard", "Next record", "End of log", "Records waiting", "Oldest waits", "Owner"];

/** How far the consumers are behind, by their own ledgers. */
export function LagPanel() {
  const query = useQuery(lagQuery);
  return (
    <Panel title="Consumer lag">
      <Shown query={query} height="6rem">
        {(lag) => (lag.shards.length === 0 ? <NoConsumer /> : <LagText lag={lag} />)}
      </Shown>
    </Panel>
  );
}

function NoConsumer() {
  return (
    <Empty title="Nobody counts yet">
      No consumer has taken a shard. <code>burnline status</code> says which process is missing.
    </Empty>
  );
}

function LagText({ lag }: { lag: Lag }) {
  const stale = useIsStale();
  return (
    <div className="space-y-3 text-sm">
      <p>
        {stale && "When it was last heard: "}
        <strong>{count(lag.lag_records)}</strong> records wait
        {lag.lag_records > 0 && `, the oldest for ${agesOf(lag.lag_seconds)}`}.{" "}
        {lag.outboxes.map((outbox) => (
          <span key={outbox.service}>
            {outbox.service} has <strong>{count(outbox.waiting)}</strong> to announce
            {outbox.waiting > 0 && ` since ${duration(outbox.lag_seconds)}`}.{" "}
          </span>
        ))}
      </p>
      <details>
        <summary className="cursor-pointer">By consumer, topic and shard</summary>
        <FigureTable
          label="Lag by consumer, topic and shard"
          words={WORDS}
          figures={FIGURES}
          className="mt-2"
        >
          {lag.shards.map((shard) => (
            <Row key={`${shard.service} ${shard.topic} ${shard.shard}`} shard={shard} />
          ))}
        </FigureTable>
      </details>
    </div>
  );
}

function Row({ shard }: { shard: ShardLag }) {
  return (
    <tr className="border-t border-line">
      <th scope="row" className="py-1.5 pr-2 pl-4 text-left font-normal whitespace-nowrap">
        {shard.service}, {shard.topic}
      </th>
      <td className={FIGURE}>{shard.shard}</td>
      <td className={FIGURE}>{count(shard.next_offset)}</td>
      <td className={FIGURE}>
        {count(shard.end_offset)}
        {shard.undecodable && (
          <p className="text-freeze-ink">
            {count(shard.undecodable.offset)} cannot be decoded: {shard.undecodable.reason}
          </p>
        )}
      </td>
      <td className={`${FIGURE} ${shard.lag_records > 0 ? "font-semibold" : "text-muted"}`}>
        {count(shard.lag_records)}
      </td>
      <td className={FIGURE}>{agesOf(shard.lag_seconds)}</td>
      <td className={FIGURE}>{shard.owner ?? "never held"}</td>
    </tr>
  );
}

function agesOf(seconds: number | null): string {
  return seconds === null ? "an unknown time" : duration(seconds);
}
