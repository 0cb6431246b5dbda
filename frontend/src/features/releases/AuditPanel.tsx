import { useQuery } from "@tanstack/react-query";

import { auditQuery, type AuditEntry } from "../../api/release";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { attributed } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";

export function AuditPanel() {
  const query = useQuery(auditQuery);
  return (
    <Panel title="Audit: who did what">
      <Shown query={query}>
        {(entries) =>
          entries.length === 0 ? (
            <p className="text-sm text-muted">
              Nothing yet. Overrides, their uses and policies are written down here for good.
            </p>
          ) : (
            <ol className="max-h-96 space-y-1.5 overflow-auto text-sm">
              {entries.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </ol>
          )
        }
      </Shown>
    </Panel>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const chosenZone = useStore(zone);
  const reason = entry.details["reason"];
  return (
    <li className="grid grid-cols-[6.5rem_1fr] gap-x-2">
      <span className="text-muted">{dayTime(entry.at, chosenZone)}</span>
      <span>
        <strong>{attributed(entry.actor, entry.on_behalf_of)}</strong> {entry.action}{" "}
        <span className="text-muted">
          {entry.subject}
          {entry.service_name && ` on ${entry.service_name}`}
        </span>
        {typeof reason === "string" && <span className="block text-xs">{reason}</span>}
      </span>
    </li>
  );
}
