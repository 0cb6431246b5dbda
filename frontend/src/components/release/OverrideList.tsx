import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { approveOverride, revokeOverride, type Override } from "../../api/release";
import { duration } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { useNow } from "../../lib/useNow";
import { withWriteAccess } from "../../lib/writeAccess";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Modal } from "../ui/Modal";
import { Failure } from "../ui/states";

/** Overrides in force or waiting, each with what is left of its time and the means to end it. */
export function OverrideList({ overrides }: { overrides: readonly Override[] }) {
  const [deed, setDeed] = useState<Deed | null>(null);
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
              {o.actor}: {o.reason}
              <span className="block text-xs text-muted">{scopeOf(o)}</span>
            </span>
            {o.state === "active" || o.state === "pending" ? (
              <>
                <span className="text-xs text-muted">
                  ends in {duration((Date.parse(o.expires_at) - now) / 1000)}
                </span>
                {o.state === "pending" && (
                  <Button onClick={() => withWriteAccess(() => setDeed({ kind: "approve", o }))}>
                    Approve
                  </Button>
                )}
                <Button
                  look="grave"
                  onClick={() => withWriteAccess(() => setDeed({ kind: "revoke", o }))}
                >
                  Revoke
                </Button>
              </>
            ) : (
              <span className="text-xs text-muted">
                {o.state} {dayTime(o.ended_at ?? o.expires_at, chosenZone)}
                {o.ended_by && ` by ${o.ended_by}`}
              </span>
            )}
          </li>
        ))}
      </ul>
      {deed && <DeedDialog deed={deed} onClose={() => setDeed(null)} />}
    </>
  );
}

interface Deed {
  kind: "approve" | "revoke";
  o: Override;
}

function scopeOf(o: Override): string {
  const parts = [
    o.change_class ?? "every class",
    o.version ? `version ${o.version}` : "every version",
    o.max_uses === null ? `${o.uses} uses` : `${o.uses} of ${o.max_uses} uses`,
    ...(o.ticket ? [o.ticket] : []),
    ...(o.approver ? [`approved by ${o.approver}`] : []),
  ];
  return parts.join(" · ");
}

function DeedDialog({ deed, onClose }: { deed: Deed; onClose: () => void }) {
  const [actor, setActor] = useState("");
  const [reason, setReason] = useState("");
  const queries = useQueryClient();
  const approving = deed.kind === "approve";
  const action = useMutation({
    mutationFn: () =>
      approving ? approveOverride(deed.o, actor) : revokeOverride(deed.o, { actor, reason }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["service", deed.o.service_name, "release"] });
      void queries.invalidateQueries({ queryKey: ["overview"] });
      onClose();
    },
  });
  return (
    <Modal
      open
      onClose={onClose}
      title={approving ? "Approve the override" : "Revoke the override"}
      description={`${deed.o.decision} by ${deed.o.actor}: ${deed.o.reason}`}
    >
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          action.mutate();
        }}
      >
        <TextField
          label="Your name"
          required
          value={actor}
          onChange={(event) => setActor(event.target.value)}
          hint={approving ? "Another person than the one who asked" : undefined}
        />
        {!approving && (
          <TextField
            label="Reason"
            required
            minLength={10}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
        {action.error && <Failure error={action.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={approving ? "primary" : "grave"} disabled={action.isPending}>
            {approving ? "Approve" : "Revoke"}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
