import { useQuery } from "@tanstack/react-query";

import { deleteTarget, targetsQuery, type Target } from "../../api/slo";
import { ConfirmDialog } from "../../components/form/ConfirmDialog";
import { ManagedList } from "../../components/form/ManagedList";
import { objective } from "../../lib/format";
import { TargetForm } from "./TargetForm";

const NO_TARGET =
  "No target is set, so the default one is used: 99.9 % availability over 30 days unless the " +
  "server is told otherwise.";

export function TargetsPanel({ service }: { service: string }) {
  return (
    <ManagedList
      title="Targets"
      noun="target"
      query={useQuery(targetsQuery(service))}
      nameOf={(target) => target.name}
      empty={<p className="text-sm text-muted">{NO_TARGET}</p>}
      row={(target) => (
        <span className="min-w-0 flex-1">
          <span className="font-medium">{target.name}</span>{" "}
          <span className="text-muted">{textOf(target)}</span>
        </span>
      )}
      formDescription="It applies at once to all history that is kept."
      form={(target, onDone) => <TargetForm service={service} target={target} onDone={onDone} />}
      removal={(target, onClose) => (
        <ConfirmDialog
          title={`Delete ${target.name}?`}
          description="Its counts stay stored; a target like it can be set again."
          verb="Delete"
          act={() => deleteTarget(target.id)}
          renews={[["service", service]]}
          onClose={onClose}
        />
      )}
    />
  );
}

function textOf(target: Target): string {
  const within = target.threshold_seconds === null ? "" : ` within ${target.threshold_seconds} s`;
  const kind = target.sli_type.replace("_", " ");
  return `${objective(target.objective)} ${kind}${within} over ${target.window_days} d`;
}
