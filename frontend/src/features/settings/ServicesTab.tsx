import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router-dom";

import { serviceRemovalQuery } from "../../api/loosenings";
import { deleteService, servicesQuery, type Service } from "../../api/services";
import { ManagedList } from "../../components/form/ManagedList";
import { RemovalDialog } from "../../components/form/RemovalDialog";
import { Empty } from "../../components/ui/states";
import { ServiceForm } from "./ServiceForm";

const CONSEQUENCE =
  "It and its targets are no longer shown or alerted on. Its events are still counted, and its " +
  "history is there again when it is created again.";

export function ServicesTab() {
  return (
    <ManagedList
      title="Services"
      noun="service"
      query={useQuery(servicesQuery)}
      nameOf={(service) => service.name}
      empty={<Empty title="No service yet">One appears with its first event, or declare it.</Empty>}
      row={(service) => (
        <>
          <Link
            to={`/services/${service.name}`}
            className="w-44 truncate font-semibold hover:underline"
          >
            {service.name}
          </Link>
          <span className="w-14 text-muted">tier {service.tier}</span>
          <span className="w-36 truncate">{service.owner || "no owner"}</span>
          <span className="min-w-0 flex-1 basis-40 truncate text-muted">{service.description}</span>
        </>
      )}
      formDescription="Who owns it and how critical it is; its targets are set on its own page."
      form={(service, onDone) => <ServiceForm service={service} onDone={onDone} />}
      removal={(service, onClose) => <ServiceRemoval service={service} onClose={onClose} />}
    />
  );
}

function ServiceRemoval({ service, onClose }: { service: Service; onClose: () => void }) {
  return (
    <RemovalDialog
      title={`Delete ${service.name}?`}
      description={CONSEQUENCE}
      effect={useQuery(serviceRemovalQuery(service.name))}
      act={(reason) => deleteService(service.name, reason)}
      onClose={onClose}
    />
  );
}
