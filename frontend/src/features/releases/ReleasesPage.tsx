import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router-dom";

import { overviewQuery, type OverviewRow } from "../../api/overview";
import { DecisionBadge } from "../../components/DecisionBadge";
import { HealthBadge } from "../../components/HealthBadge";
import { OverrideDialog } from "../../components/release/OverrideDialog";
import { ServiceDecisions } from "../../components/release/ServiceDecisions";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Empty, Shown } from "../../components/ui/states";
import type { Decision } from "../../lib/health";
import { withWriteAccess } from "../../lib/writeAccess";
import { AuditPanel } from "./AuditPanel";
import { PoliciesPanel } from "./PoliciesPanel";

const ORDER: Record<Decision, number> = { BLOCK: 0, UNKNOWN: 1, WARN: 2, ALLOW: 3 };

/** What may be released, what was decided before, who overrode it, and by which policies. */
export function ReleasesPage() {
  const overview = useQuery(overviewQuery);
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-2xl font-bold">Releases</h1>
      <Shown query={overview} height="50vh">
        {(found) => <Decisions rows={found.services} />}
      </Shown>
      <div className="grid gap-3 xl:grid-cols-2">
        <AuditPanel />
        <PoliciesPanel />
      </div>
    </div>
  );
}

function Decisions({ rows }: { rows: readonly OverviewRow[] }) {
  const [opened, setOpened] = useState<string | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const sorted = [...rows].sort(
    (a, b) =>
      ORDER[a.decision?.decision ?? "UNKNOWN"] - ORDER[b.decision?.decision ?? "UNKNOWN"] ||
      a.tier - b.tier ||
      (a.service_name < b.service_name ? -1 : 1),
  );
  if (sorted.length === 0) return <Empty title="No service yet" />;
  return (
    <Panel title="A feature release now">
      <ul className="-m-4 divide-y divide-line">
        {sorted.map((row) => (
          <li key={row.service_name} className="px-4 py-2">
            <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
              <Link
                to={`/services/${row.service_name}`}
                className="w-36 truncate font-semibold hover:underline"
              >
                {row.service_name}
              </Link>
              <span className="w-44">
                {row.decision ? (
                  <DecisionBadge decision={row.decision.decision} allowed={row.decision.allowed} />
                ) : (
                  <span className="text-muted">no decision yet</span>
                )}
              </span>
              <span className="w-28">
                <HealthBadge level={row.risk_level} status={row.data_status} />
              </span>
              <span className="min-w-0 flex-1 basis-60 text-muted">{row.decision?.reason}</span>
              <span className="flex gap-1">
                <Button
                  aria-expanded={opened === row.service_name}
                  onClick={() => setOpened(opened === row.service_name ? null : row.service_name)}
                >
                  History
                </Button>
                <Button onClick={() => withWriteAccess(() => setAsked(row.service_name))}>
                  Override …
                </Button>
              </span>
            </div>
            {opened === row.service_name && <ServiceDecisions service={row.service_name} />}
          </li>
        ))}
      </ul>
      {asked !== null && <OverrideDialog service={asked} onClose={() => setAsked(null)} />}
    </Panel>
  );
}
