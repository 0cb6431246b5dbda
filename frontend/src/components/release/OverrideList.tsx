import { useState } from "react";

import { approveOverride, revokeOverride, type Override } from "../../api/release";
import { attributed, duration } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { useNow } from "../../lib/useNow";
import { withWriteAccess } from "../../lib/writeAccess";
import { ActionDialog } from "../form/ActionDialog";
import { Button } from "../ui/Button";

/** Overrides in force or waiting, each with what is left of its time and the means to end it. */
export function OverrideList({ overrides }: { overrides: readonly Override[] }) {
  const [action, setAction] = useState<Action | null>(null);
  const now = useNow(1000);
  const chosenZone = useStore(zone);
  return (
    <>
      <ul className="divide-y divide-line">
        {overrides.map((o) => (
          <li key={o.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2 text-sm">
            <span className="font-semibold">
              {o.decision}
              {o.state !== "active" && ` (${o.state})`}
            </span>
            <span className="min-w-0 flex-1 basis-52">
              {attributed(o.actor, o.on_behalf_of)}: {o.reason}
              <span className="block text-xs text-muted">{scopeOf(o)}</span>
            </span>
            {o.state === "active" || o.state === "pending" ? (
              <>
                <span className="text-xs text-muted">
                  ends in {duration((Date.parse(o.expires_at) - now) / 1000)}
                </span>
                {o.state === "pending" && (
                  <Button onClick={() => withWriteAccess(() => setAction({ kind: "approve", o }))}>
                    Approve
                  </Button>
                )}
                <Button
                  look="danger"
                  onClick={() => withWriteAccess(() => setAction({ kind: "revoke", o }))}
                >
                  Revoke
                </Button>
              </>
            ) : (
              <span className="text-xs text-muted">
                {o.state} {dayTime(o.ended_at ?? o.expires_at, chosenZone)}
                {o.ended_by && ` by ${attributed(o.ended_by, o.ended_on_behalf_of)}`}
              </span>
            )}
          </li>
        ))}
      </ul>
      {action?.kind === "approve" && (
        <ActionDialog
          title="Approve the override"
          description={`${asked(action.o)}. It takes another key than the one that asked.`}
          verb="Approve"
          text="none"
          act={(actor) => approveOverride(action.o, actor)}
          onClose={() => setAction(null)}
        />
      )}
      {action?.kind === "revoke" && (
        <ActionDialog
          title="Revoke the override"
          description={asked(action.o)}
          verb="Revoke"
          danger
          text="reason"
          act={(actor, reason) => revokeOverride(action.o, { actor, reason })}
          onClose={() => setAction(null)}
        />
      )}
    </>
  );
}

interface Action {
  kind: "approve" | "revoke";
  o: Override;
}

function asked(o: Override): string {
  return `${o.decision} by ${attributed(o.actor, o.on_behalf_of)}: ${o.reason}`;
}

function scopeOf(o: Override): string {
  const parts = [
    o.change_class ?? "every class",
    o.version ? `version ${o.version}` : "every version",
    o.max_uses === null ? `${o.uses} uses` : `${o.uses} of ${o.max_uses} uses`,
    ...(o.ticket ? [o.ticket] : []),
    ...(o.approver ? [`approved by ${attributed(o.approver, o.approved_on_behalf_of)}`] : []),
  ];
  return parts.join(" · ");
}
