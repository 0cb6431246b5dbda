import { useQuery } from "@tanstack/react-query";
import { memo, useDeferredValue, useState } from "react";

import { overviewQuery, type OverviewRow } from "../../api/overview";
import { NoService } from "../../components/NoService";
import { OverrideDialog } from "../../components/release/OverrideDialog";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { withWriteAccess } from "../../lib/writeAccess";
import { DecisionRow } from "./DecisionRow";
import { byUrgency } from "./order";
import { PoliciesPanel } from "./PoliciesPanel";

/** What may be released, what was decided before, who overrode it, and by which policies. */
export function ReleasesPage() {
  const overview = useQuery(overviewQuery);
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-2xl font-bold">Releases</h1>
      <Shown query={overview} height="50vh">
        {(found) => <LiveDecisions rows={found.services} />}
      </Shown>
      <PoliciesPanel />
    </div>
  );
}

/** News are drawn in the background: a key or a click comes first. */
function LiveDecisions({ rows }: { rows: readonly OverviewRow[] }) {
  return <Decisions rows={useDeferredValue(rows)} />;
}

const Decisions = memo(function Decisions({ rows }: { rows: readonly OverviewRow[] }) {
  const [opened, setOpened] = useState<string | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const sorted = [...rows].sort(byUrgency);
  if (sorted.length === 0) return <NoService />;
  return (
    <Panel title="A feature release now">
      <ul className="-m-4 divide-y divide-line">
        {sorted.map((row) => (
          <DecisionRow
            key={row.service_name}
            service={row.service_name}
            decision={row.decision}
            level={row.risk_level}
            status={row.data_status}
            opened={opened === row.service_name}
            onToggle={(name) => setOpened((now) => (now === name ? null : name))}
            onOverride={(name) => withWriteAccess(() => setAsked(name))}
          />
        ))}
      </ul>
      {asked !== null && <OverrideDialog service={asked} onClose={() => setAsked(null)} />}
    </Panel>
  );
});
