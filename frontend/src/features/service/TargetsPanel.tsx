import { useQuery } from "@tanstack/react-query";

import { targetRemovalQuery } from "../../api/loosenings";
import { deleteTarget, targetsQuery, type Target } from "../../api/slo";
import { keys } from "../../api/keys";
import { ManagedList } from "../../components/form/ManagedList";
import { RemovalDialog } from "../../components/form/RemovalDialog";
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
      removal={(target, onClose) => <TargetRemoval target={target} onClose={onClose} />}
    />
  );
}

function TargetRemoval({ target, onClose }: { target: Target; onClose: () => void }) {
  return (
    <RemovalDialog
      title={`Delete ${target.name}?`}
      description="Its counts stay stored; a target like it can be set again."
      effect={useQuery(targetRemovalQuery(target))}
      act={(reason) => deleteTarget(target.id, reason)}
      renews={[keys.service(target.service_name)]}
      onClose={onClose}
    />
  );
}
