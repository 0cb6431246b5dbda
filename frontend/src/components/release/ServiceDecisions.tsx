import { useQuery } from "@tanstack/react-query";

import { decisionsQuery, overridesQuery, type DecisionEntry } from "../../api/release";
import { DecisionBadge } from "../DecisionBadge";
import { OverrideList } from "./OverrideList";
import { Shown } from "../ui/states";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";

interface Props {
  service: string;
  /** One below the other, where there is little room. */
  stacked?: boolean;
}

/** Decisions on one service as they changed, and every override that there was. */
export function ServiceDecisions({ service, stacked = false }: Props) {
  const decisions = useQuery(decisionsQuery(service));
  const overrides = useQuery(overridesQuery(service));
  return (
    <div className={`mt-2 grid gap-4 rounded-md bg-raised p-3 ${stacked ? "" : "lg:grid-cols-2"}`}>
      <div>
        <h3 className="mb-1 text-sm font-semibold">Decisions</h3>
        <Shown query={decisions} height="6rem">
          {(found) =>
            found.length === 0 ? (
              <p className="text-sm text-muted">
                None is stored yet; one is whenever the verdict or its reason changes.
              </p>
            ) : (
              <ol className="max-h-72 space-y-1.5 overflow-auto text-sm">
                {found.map((decision) => (
                  <Entry key={decision.decision_id} decision={decision} />
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
      </div>
    </div>
  );
}

function Entry({ decision }: { decision: DecisionEntry }) {
  const chosenZone = useStore(zone);
  const verdict = decision.verdicts.find(
    (v) => v.change_class === "feature" && v.override_id === null,
  );
  return (
    <li className="grid grid-cols-[6.5rem_1fr] gap-x-2">
      <span className="text-muted">{dayTime(decision.decided_at, chosenZone)}</span>
      <span>
        {verdict && <DecisionBadge decision={verdict.decision} allowed={verdict.allowed} />}
        <span className="block text-xs text-muted">{verdict?.reasons[0]?.message}</span>
      </span>
    </li>
  );
}
