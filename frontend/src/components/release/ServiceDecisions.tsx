import { useQuery } from "@tanstack/react-query";

import { looseningsQuery } from "../../api/loosenings";
import { historyQuery, overridesQuery, type HistoryEntry } from "../../api/release";
import { DecisionBadge } from "../DecisionBadge";
import { LooseningList } from "./LooseningList";
import { OverrideList } from "./OverrideList";
import { Shown } from "../ui/states";
import { attributed } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import type { ChangeClass } from "../../lib/vocabulary";

interface Props {
  service: string;
  changeClass?: ChangeClass;
  /** One below the other, where there is little room. */
  stacked?: boolean;
}

/** What the gate answered on one service, and every override that there was. */
export function ServiceDecisions({ service, changeClass = "feature", stacked = false }: Props) {
  const answers = useQuery(historyQuery(service, changeClass));
  const overrides = useQuery(overridesQuery(service));
  const loosenings = useQuery(looseningsQuery(service));
  return (
    <div className={`mt-2 grid gap-4 rounded-md bg-raised p-3 ${stacked ? "" : "lg:grid-cols-2"}`}>
      <div>
        <h3 className="mb-1 text-sm font-semibold">Answers for a {changeClass} change</h3>
        <Shown query={answers} height="6rem">
          {(found) =>
            found.length === 0 ? (
              <p className="text-sm text-muted">
                None is stored yet; one is whenever the verdict or its reason changes.
              </p>
            ) : (
              <ol className="max-h-72 space-y-1.5 overflow-auto text-sm">
                {found.map((entry) => (
                  <Entry key={`${entry.decision_id} ${entry.since}`} entry={entry} />
                ))}
              </ol>
            )
          }
        </Shown>
      </div>
      <div>
        <h3 className="mb-1 text-sm font-semibold">Overrides</h3>
        <Shown query={overrides} height="6rem">
          {(found) =>
            found.length === 0 ? (
              <p className="text-sm text-muted">Nobody has overridden the gate here.</p>
            ) : (
              <OverrideList overrides={found} />
            )
          }
        </Shown>
        {loosenings.data !== undefined && loosenings.data.length > 0 && (
          <>
            <h3 className="mt-3 mb-1 text-sm font-semibold">Loosened promises</h3>
            <LooseningList loosenings={loosenings.data} />
          </>
        )}
      </div>
    </div>
  );
}

function Entry({ entry }: { entry: HistoryEntry }) {
  const chosenZone = useStore(zone);
  const { override } = entry;
  return (
    <li className="grid grid-cols-[6.5rem_1fr] gap-x-2">
      <span className="text-muted">{dayTime(entry.since, chosenZone)}</span>
      <span>
        <DecisionBadge {...entry} />
        <span className="block text-xs text-muted">{entry.reasons[0]?.message}</span>
        {override && (
          <span className="block text-xs text-overridden-ink">
            override {override.id} by {attributed(override.actor, override.on_behalf_of)},{" "}
            {override.state}, used {override.uses}
            {override.max_uses !== null && ` of ${override.max_uses}`}
          </span>
        )}
      </span>
    </li>
  );
}
