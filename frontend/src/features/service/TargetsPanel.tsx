import { useQuery } from "@tanstack/react-query";

import { deleteTarget, targetsQuery } from "../../api/slo";
import { keys } from "../../api/keys";
import { ConfirmDialog } from "../../components/form/ConfirmDialog";
import { ManagedList } from "../../components/form/ManagedList";
import { TargetForm } from "./TargetForm";
import { sentenceOf } from "./targetFields";

const NO_TARGET =
  "No target is set, so the default one is used: 99.9 % availability over 30 days unless the " +
  "server is set otherwise.";

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
          <span className="text-muted">{sentenceOf(target)}</span>
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
          renews={[keys.service(service)]}
          onClose={onClose}
        />
      )}
    />
  );
}
