import { memo } from "react";
import { Link } from "react-router-dom";

import type { OverviewRow } from "../../api/overview";
import { DecisionBadge } from "../../components/DecisionBadge";
import { HealthBadge } from "../../components/HealthBadge";
import { OverrideNote } from "../../components/release/OverrideNote";
import { ServiceDecisions } from "../../components/release/ServiceDecisions";
import { Button } from "../../components/ui/Button";
import { sameShown } from "../../lib/sameShown";

interface Props {
  service: string;
  decision: OverviewRow["decision"];
  level: OverviewRow["risk_level"];
  status: OverviewRow["data_status"];
  opened: boolean;
  onToggle: (service: string) => void;
  onOverride: (service: string) => void;
}

/** What holds for a release of one service; rows outside the window are not laid out. */
export const DecisionRow = memo(function DecisionRow(props: Props) {
  const { service, decision, opened } = props;
  return (
    <li className="px-4 py-2 [contain-intrinsic-size:auto_3rem] [content-visibility:auto]">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
        <Link to={`/services/${service}`} className="w-36 truncate font-semibold hover:underline">
          {service}
        </Link>
        <span className="w-52">
          {decision ? (
            <DecisionBadge {...decision} />
          ) : (
            <span className="text-muted">no decision yet</span>
          )}
        </span>
        <span className="w-28">
          <HealthBadge level={props.level} status={props.status} />
        </span>
        <span className="min-w-0 flex-1 basis-60 text-muted">
          {decision?.override ? <OverrideNote override={decision.override} /> : decision?.reason}
        </span>
        <span className="flex gap-1">
          <Button aria-expanded={opened} onClick={() => props.onToggle(service)}>
            History
          </Button>
          <Button onClick={() => props.onOverride(service)}>Override …</Button>
        </span>
      </div>
      {opened && <ServiceDecisions service={service} />}
    </li>
  );
}, sameShown);
