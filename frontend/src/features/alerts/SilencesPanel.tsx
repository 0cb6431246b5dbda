import { useQuery } from "@tanstack/react-query";
import { BellOff, TriangleAlert } from "lucide-react";
import { useState } from "react";

import { expireSilence, silencesQuery, type Silence } from "../../api/alerts";
import { ActionDialog } from "../../components/form/ActionDialog";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { attributed, count } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { withWriteAccess } from "../../lib/writeAccess";
import { SilenceDialog } from "./SilenceDialog";

export function SilencesPanel() {
  const query = useQuery(silencesQuery);
  const [asking, setAsking] = useState(false);
  return (
    <Panel
      title="Silences"
      aside={
        query.data && (
          <Button onClick={() => withWriteAccess(() => setAsking(true))}>
            <BellOff size={14} aria-hidden /> New silence
          </Button>
        )
      }
    >
      <Shown query={query} height="3rem">
        {(silences) => <SilenceList silences={silences.filter((s) => s.state !== "expired")} />}
      </Shown>
      {asking && <SilenceDialog onClose={() => setAsking(false)} />}
    </Panel>
  );
}

/** How many alerts and services a silence is about; about none is a warning. */
function Scope({ silence }: { silence: Silence }) {
  const { matching_alerts: alerts, matching_services: services, warning } = silence;
  if (warning !== null) {
    return (
      <span className="flex items-center gap-1 text-xs font-semibold text-observe-ink">
        <TriangleAlert size={13} aria-hidden /> {warning}
      </span>
    );
  }
  if (alerts === null || services === null) return null;
  return (
    <span className="text-xs text-muted">
      {count(alerts)} open {alerts === 1 ? "alert" : "alerts"}, {count(services)}{" "}
      {services === 1 ? "service" : "services"}
    </span>
  );
}

function SilenceList({ silences }: { silences: readonly Silence[] }) {
  const chosenZone = useStore(zone);
  const [ended, setEnded] = useState<Silence | null>(null);
  if (silences.length === 0) {
    return (
      <p className="text-sm text-muted">
        Nothing is silenced: channels are notified of what fires.
      </p>
    );
  }
  return (
    <ul className="divide-y divide-line text-sm">
      {silences.map((silence) => (
        <li key={silence.id} className="flex flex-wrap items-center gap-3 py-1.5">
          <span className="font-mono text-xs">
            {silence.matchers.map((m) => `${m.name}${m.is_equal ? "=" : "≠"}${m.value}`).join(", ")}
          </span>
          <span className="min-w-0 flex-1">{said(silence)}</span>
          <Scope silence={silence} />
          <span className="text-xs text-muted">
            {silence.state}, until {dayTime(silence.ends_at, chosenZone)}
          </span>
          <Button onClick={() => withWriteAccess(() => setEnded(silence))}>End</Button>
        </li>
      ))}
      {ended && (
        <ActionDialog
          title="End the silence"
          description={said(ended)}
          verb="End it"
          text="reason"
          act={(actor, reason) => expireSilence(ended.id, actor, reason)}
          onClose={() => setEnded(null)}
        />
      )}
    </ul>
  );
}

function said(silence: Silence): string {
  return `${attributed(silence.created_by, silence.on_behalf_of)}: ${silence.comment}`;
}
