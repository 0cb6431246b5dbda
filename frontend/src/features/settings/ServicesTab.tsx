import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router-dom";

import { deleteService, servicesQuery, type Service } from "../../api/services";
import { Button } from "../../components/ui/Button";
import { Modal } from "../../components/ui/Modal";
import { Panel } from "../../components/ui/Panel";
import { Empty, Failure, Shown } from "../../components/ui/states";
import { withWriteAccess } from "../../lib/writeAccess";
import { ServiceForm } from "./ServiceForm";

export function ServicesTab() {
  const query = useQuery(servicesQuery);
  const [edited, setEdited] = useState<{ service: Service | null } | null>(null);
  const [doomed, setDoomed] = useState<Service | null>(null);
  const edit = (service: Service | null) => withWriteAccess(() => setEdited({ service }));
  return (
    <Panel
      title="Services"
      aside={
        <Button onClick={() => edit(null)}>
          <Plus size={14} aria-hidden /> New service
        </Button>
      }
    >
      <Shown query={query} height="20rem">
        {(services) =>
          services.length === 0 ? (
            <Empty title="No service yet">One appears with its first event, or declare it.</Empty>
          ) : (
            <ul className="-m-4 divide-y divide-line">
              {services.map((service) => (
                <li
                  key={service.id}
                  className="flex flex-wrap items-center gap-x-4 px-4 py-1.5 text-sm"
                >
                  <Link
                    to={`/services/${service.name}`}
                    className="w-44 truncate font-semibold hover:underline"
                  >
                    {service.name}
                  </Link>
                  <span className="w-14 text-muted">tier {service.tier}</span>
                  <span className="w-36 truncate">{service.owner || "no owner"}</span>
                  <span className="min-w-0 flex-1 basis-40 truncate text-muted">
                    {service.description}
                  </span>
                  <span className="flex">
                    <Button
                      look="quiet"
                      aria-label={`Edit ${service.name}`}
                      onClick={() => edit(service)}
                    >
                      <Pencil size={15} aria-hidden />
                    </Button>
                    <Button
                      look="quiet"
                      aria-label={`Delete ${service.name}`}
                      onClick={() => withWriteAccess(() => setDoomed(service))}
                    >
                      <Trash2 size={15} aria-hidden />
                    </Button>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      <Modal
        title={edited?.service ? `Change ${edited.service.name}` : "New service"}
        description="Who owns it and how critical it is; its targets are set on its own page."
        open={edited !== null}
        onClose={() => setEdited(null)}
      >
        {edited && <ServiceForm service={edited.service} onDone={() => setEdited(null)} />}
      </Modal>
      {doomed && <DeleteDialog service={doomed} onClose={() => setDoomed(null)} />}
    </Panel>
  );
}

function DeleteDialog({ service, onClose }: { service: Service; onClose: () => void }) {
  const queries = useQueryClient();
  const deletion = useMutation({
    mutationFn: () => deleteService(service.name),
    onSuccess: async () => {
      await queries.invalidateQueries();
      onClose();
    },
  });
  return (
    <Modal
      open
      onClose={onClose}
      title={`Delete ${service.name}?`}
      description="It and its targets are no longer shown or alerted on. Its events are still counted, and its history is there again when it is created again."
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
