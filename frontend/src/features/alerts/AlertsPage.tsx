import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";

import {
  acknowledge,
  alertsQuery,
  type Alert,
  type AlertList,
  type AlertState,
} from "../../api/alerts";
import { AlertsLagging } from "../../components/AlertsLagging";
import { ActionDialog } from "../../components/form/ActionDialog";
import { Panel } from "../../components/ui/Panel";
import { Empty, Shown } from "../../components/ui/states";
import { useShortcuts } from "../../lib/shortcuts";
import { SEVERITIES } from "../../lib/vocabulary";
import { withWriteAccess } from "../../lib/writeAccess";
import { AlertRow } from "./AlertRow";
import { SilenceDialog } from "./SilenceDialog";
import { SilencesPanel } from "./SilencesPanel";

const STATES: readonly AlertState[] = ["firing", "acknowledged", "resolved"];
const VIEWS: Record<string, AlertState[]> = {
  open: ["firing", "acknowledged"],
  resolved: ["resolved"],
  all: [],
};

/** The inbox: what fires, who has acknowledged it, and what nobody was notified of and why. */
export function AlertsPage() {
  const [search, setSearch] = useSearchParams();
  const view = search.get("view") ?? "open";
  const query = useQuery(alertsQuery(VIEWS[view] ?? []));
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-4">
        <h1 className="text-2xl font-bold">Alerts</h1>
        <div role="group" aria-label="Which alerts" className="flex">
          {Object.keys(VIEWS).map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === view}
              onClick={() => setSearch({ view: name }, { replace: true })}
              className={`border border-line px-3 py-1 text-sm first:rounded-l-md last:rounded-r-md
                ${name === view ? "bg-raised font-semibold" : "bg-panel text-muted hover:bg-raised"}`}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      <Shown query={query} height="50vh">
        {(alerts) => (
          <div>
            <AlertsLagging alerts={alerts} />
            <Inbox alerts={alerts} view={view} />
          </div>
        )}
      </Shown>
      <SilencesPanel />
    </div>
  );
}

export function inOrder(alerts: readonly Alert[]): Alert[] {
  const rank = (a: Alert) => 10 * STATES.indexOf(a.state) + SEVERITIES.indexOf(a.severity);
  return [...alerts].sort(
    (a, b) => rank(a) - rank(b) || Date.parse(b.started_at) - Date.parse(a.started_at),
  );
}

function Inbox({ alerts, view }: { alerts: AlertList; view: string }) {
  const rows = inOrder(alerts.rows);
  const [activeId, setActiveId] = useState<number | null>(null);
  const [openId, setOpenId] = useState<number | null>(null);
  const [acknowledged, setAcknowledged] = useState<Alert | null>(null);
  const [silenced, setSilenced] = useState<Alert | null>(null);
  const index = rows.findIndex((alert) => alert.id === activeId);
  const move = (by: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, index < 0 ? 0 : index + by));
    setActiveId(rows[next]?.id ?? null);
  };
  const ask = (alert: Alert | undefined) => {
    if (alert?.state === "firing") withWriteAccess(() => setAcknowledged(alert));
  };
  const toggle = (id: number | null) => setOpenId((now) => (now === id ? null : id));
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    a: () => ask(rows[index]),
    Enter: () => toggle(activeId),
  });
  if (rows.length === 0) return <NoAlert view={view} lagging={alerts.lagging} />;
  return (
    <Panel title={`${rows.length} ${rows.length === 1 ? "alert" : "alerts"}`}>
      <ul className="-m-4 divide-y divide-line">
        {rows.map((alert) => (
          <AlertRow
            key={alert.id}
            alert={alert}
            active={alert.id === activeId}
            open={alert.id === openId}
            onToggle={() => toggle(alert.id)}
            onAcknowledge={() => ask(alert)}
            onSilence={() => withWriteAccess(() => setSilenced(alert))}
          />
        ))}
      </ul>
      {acknowledged && (
        <ActionDialog
          title={`Acknowledge ${acknowledged.service_name}, ${acknowledged.rule}`}
          description="It counts for the alert as it stands: should it become more severe, it fires again."
          verb="Acknowledge"
          text="comment"
          act={(actor, comment) => acknowledge(acknowledged, actor, comment)}
          onClose={() => setAcknowledged(null)}
        />
      )}
      {silenced && (
        <SilenceDialog
          matchers={[
            { name: "service", value: silenced.service_name },
            { name: "alertname", value: silenced.rule },
            ...(silenced.slo ? [{ name: "slo" as const, value: silenced.slo }] : []),
          ]}
          onClose={() => setSilenced(null)}
        />
      )}
    </Panel>
  );
}

function NoAlert({ view, lagging }: { view: string; lagging: boolean }) {
  if (view !== "open") {
    return (
      <Empty title="No alerts">
        What has fired stands here for good.{" "}
        <Link to="/settings?tab=rules" className="underline">
          See by which rules
        </Link>
        .
      </Empty>
    );
  }
  return (
    <Empty title={lagging ? "Nobody knows whether anything fires" : "Nothing fires"}>
      Silence is no health: whether that is good news stands on{" "}
      <Link to="/" className="underline">
        the overview
      </Link>
      .
    </Empty>
  );
}
