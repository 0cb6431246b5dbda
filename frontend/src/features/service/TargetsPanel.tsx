import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";

import { deleteTarget, targetsQuery, type Target } from "../../api/slo";
import { Button } from "../../components/ui/Button";
import { Modal } from "../../components/ui/Modal";
import { Panel } from "../../components/ui/Panel";
import { Failure, Shown } from "../../components/ui/states";
import { objective } from "../../lib/format";
import { withWriteAccess } from "../../lib/writeAccess";
import { TargetForm } from "./TargetForm";

type Edited = { target: Target | null };

export function TargetsPanel({ service }: { service: string }) {
  const query = useQuery(targetsQuery(service));
  const [edited, setEdited] = useState<Edited | null>(null);
  const [doomed, setDoomed] = useState<Target | null>(null);
  const edit = (target: Target | null) => withWriteAccess(() => setEdited({ target }));
  return (
    <Panel
      title="Targets"
      aside={
        <Button onClick={() => edit(null)}>
          <Plus size={14} aria-hidden /> New target
        </Button>
      }
    >
      <Shown query={query} height="5rem">
        {(targets) =>
          targets.length === 0 ? (
            <p className="text-sm text-muted">
              No target is set, so the default one is used: 99.9 % availability over 30 days unless
              the server is told otherwise.
            </p>
          ) : (
            <ul className="divide-y divide-line">
              {targets.map((target) => (
                <li key={target.id} className="flex items-center gap-2 py-1.5 text-sm">
                  <span className="min-w-0 flex-1">
                    <span className="font-medium">{target.name}</span>{" "}
                    <span className="text-muted">{textOf(target)}</span>
                  </span>
                  <Button
                    look="quiet"
                    aria-label={`Edit ${target.name}`}
                    onClick={() => edit(target)}
                  >
                    <Pencil size={15} aria-hidden />
                  </Button>
                  <Button
                    look="quiet"
                    aria-label={`Delete ${target.name}`}
                    onClick={() => withWriteAccess(() => setDoomed(target))}
                  >
                    <Trash2 size={15} aria-hidden />
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      <Modal
        title={edited?.target ? `Change ${edited.target.name}` : "New target"}
        description="It applies at once to all history that is kept."
        open={edited !== null}
        onClose={() => setEdited(null)}
      >
        {edited && (
          <TargetForm service={service} target={edited.target} onDone={() => setEdited(null)} />
        )}
      </Modal>
      {doomed && <DeleteDialog target={doomed} onClose={() => setDoomed(null)} />}
    </Panel>
  );
}

function textOf(target: Target): string {
  const within = target.threshold_seconds === null ? "" : ` within ${target.threshold_seconds} s`;
  const kind = target.sli_type.replace("_", " ");
  return `${objective(target.objective)} ${kind}${within} over ${target.window_days} d`;
}

function DeleteDialog({ target, onClose }: { target: Target; onClose: () => void }) {
  const queries = useQueryClient();
  const deletion = useMutation({
    mutationFn: () => deleteTarget(target.id),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["service", target.service_name] });
      onClose();
    },
  });
  return (
    <Modal
      open
      onClose={onClose}
      title={`Delete ${target.name}?`}
      description="Its counts stay stored; a target like it can be set again."
    >
      {deletion.error && <Failure error={deletion.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="grave" disabled={deletion.isPending} onClick={() => deletion.mutate()}>
          Delete
        </Button>
      </div>
    </Modal>
  );
}
