import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { overridesQuery, releaseQuery, type Release } from "../../api/release";
import { DecisionBadge } from "../../components/DecisionBadge";
import { useIsStale } from "../../components/freshness";
import { OverrideDialog } from "../../components/release/OverrideDialog";
import { OverrideList } from "../../components/release/OverrideList";
import { ServiceDecisions } from "../../components/release/ServiceDecisions";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { duration } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { clockTime, dayTime } from "../../lib/time";
import { CHANGE_CLASSES, type ChangeClass } from "../../lib/vocabulary";
import { withWriteAccess } from "../../lib/writeAccess";

export function GatePanel({ service }: { service: string }) {
  const [changeClass, setChangeClass] = useState<ChangeClass>("feature");
  const [asking, setAsking] = useState(false);
  const [past, setPast] = useState(false);
  const release = useQuery(releaseQuery(service, changeClass));
  const overrides = useQuery(overridesQuery(service));
  const shown = (overrides.data ?? []).filter((o) => ["active", "pending"].includes(o.state));
  return (
    <Panel
      title="Can I deploy?"
      aside={
        <select
          aria-label="Class of change"
          value={changeClass}
          onChange={(event) =>
            setChangeClass(CHANGE_CLASSES.find((c) => c === event.target.value) ?? "feature")
          }
          className="rounded-md border border-strong-line bg-panel px-1.5 py-1 text-xs text-ink"
        >
          {CHANGE_CLASSES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      }
    >
      <Shown query={release} height="6rem">
        {(found) => <Verdict release={found} />}
      </Shown>
      {shown.length > 0 && (
        <div className="mt-3 rounded-md border border-overridden px-3">
          <OverrideList overrides={shown} />
        </div>
      )}
      <div className="mt-3 flex gap-2">
        <Button onClick={() => withWriteAccess(() => setAsking(true))}>Override …</Button>
        <Button aria-expanded={past} onClick={() => setPast(!past)}>
          History
        </Button>
      </div>
      {past && <ServiceDecisions service={service} changeClass={changeClass} stacked />}
      {asking && (
        <OverrideDialog
          service={service}
          changeClass={changeClass}
          onClose={() => setAsking(false)}
        />
      )}
    </Panel>
  );
}

function Verdict({ release }: { release: Release }) {
  const chosenZone = useStore(zone);
  const stale = useIsStale();
  return (
    <div className="space-y-2 text-sm">
      <div aria-live="polite">
        <DecisionBadge {...release} large />
      </div>
      {stale && <p className="text-unknown-ink">The last answer was given because:</p>}
      <ol className="list-decimal space-y-1 pl-5 leading-6">
        {release.reasons.map((reason) => (
          <li key={`${reason.code}-${reason.slo ?? reason.message}`}>{reason.message}</li>
        ))}
      </ol>
      {release.unblocked_at !== null && (
        <p>Block lifts at {dayTime(release.unblocked_at, chosenZone)}, if no more errors come.</p>
      )}
      <p className="text-xs text-muted">
        decided at {clockTime(release.evaluated_at, chosenZone)} by policy {release.policy}, tier{" "}
        {release.tier}; everything sent is counted up to {duration(release.data_age_seconds)} ago
        {release.newest_report_at !== null &&
          `, the newest report is of ${dayTime(release.newest_report_at, chosenZone)}`}
      </p>
    </div>
  );
}
