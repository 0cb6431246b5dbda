import { useQuery } from "@tanstack/react-query";

import { MOST_CHANGES, changesQuery, type Change } from "../../api/release";
import { Panel } from "../../components/ui/Panel";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { useAddress } from "../../lib/useAddress";
import { chosenRange } from "./series";

/** What was changed and remarked in the span of the charts, newest first; nothing where nothing was. */
export function ChangesPanel({ service }: { service: string }) {
  const [search] = useAddress();
  const { range, span } = chosenRange(search);
  const found = useQuery(changesQuery(service, span.seconds)).data ?? [];
  if (found.length === 0) return null;
  return (
    <Panel title={`Changes and notes of the last ${range}`}>
      <ol className="flex max-h-80 flex-col gap-2 overflow-y-auto text-sm">
        {found.map((change) => (
          <Row key={change.id} change={change} />
        ))}
      </ol>
      {found.length === MOST_CHANGES && (
        <p className="text-xs text-muted">These are the newest {MOST_CHANGES}.</p>
      )}
    </Panel>
  );
}

function Row({ change }: { change: Change }) {
  const chosenZone = useStore(zone);
  const by = change.actor || change.source;
  return (
    <li>
      <span className="text-muted">{dayTime(change.at, chosenZone)} </span>
      <span className="font-semibold">
        {change.kind.replaceAll("_", " ")}
        {change.version && ` ${change.version}`}
      </span>
      {change.note && <span className="break-words">: {change.note}</span>}
      {by && <span className="text-muted">, by {by}</span>}
      {change.url && (
        <>
          {" "}
          <a href={change.url} target="_blank" rel="noreferrer" className="underline">
            details
          </a>
        </>
      )}
    </li>
  );
}
