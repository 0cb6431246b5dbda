import { useQuery } from "@tanstack/react-query";
import { BellOff, Check, ChevronDown, Hand, Info, Siren, Ticket } from "lucide-react";
import { Link } from "react-router-dom";

import { alertHistoryQuery, type Alert, type AlertState } from "../../api/alerts";
import { Button } from "../../components/ui/Button";
import { Shown } from "../../components/ui/states";
import { attributed, budgetRange, burnRate, burnRateRange, duration } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { useNow } from "../../lib/useNow";

const SEVERITIES = { page: Siren, ticket: Ticket, info: Info };
const STATES: Record<AlertState, { icon: typeof Siren; ink: string }> = {
  firing: { icon: Siren, ink: "text-freeze-ink" },
  acknowledged: { icon: Hand, ink: "text-observe-ink" },
  resolved: { icon: Check, ink: "text-safe-ink" },
};

interface Props {
  alert: Alert;
  active: boolean;
  open: boolean;
  onToggle: () => void;
  onAcknowledge: () => void;
  onSilence: () => void;
}

export function AlertRow({ alert, active, open, onToggle, onAcknowledge, onSilence }: Props) {
  const now = useNow(5000);
  const chosenZone = useStore(zone);
  const Severity = SEVERITIES[alert.severity];
  const { icon: State, ink } = STATES[alert.state];
  const end = alert.resolved_at === null ? now : Date.parse(alert.resolved_at);
  const lasted = duration((end - Date.parse(alert.started_at)) / 1000);
  return (
    <li className={active ? "bg-raised outline-2 -outline-offset-2 outline-accent" : ""}>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 text-sm">
        <span className={`flex w-32 items-center gap-1.5 font-semibold ${ink}`}>
          <State size={16} aria-hidden />
          {alert.state}
        </span>
        <span className="flex w-16 items-center gap-1.5">
          <Severity size={15} aria-hidden />
          {alert.severity}
        </span>
        <div className="min-w-0 flex-1 basis-64">
          <Link to={`/services/${alert.service_name}`} className="font-semibold hover:underline">
            {alert.service_name}
          </Link>
          <span className="ml-2 text-xs text-muted">
            {alert.slo ? `${alert.rule}, ${alert.slo}` : alert.rule}
          </span>
          <div>
            {alert.annotations["figures_at"] && (
              <span className="text-muted">
                {dayTime(alert.annotations["figures_at"], chosenZone)}:{" "}
              </span>
            )}
            {alert.message}
          </div>
          <Figures alert={alert} />
        </div>
        <span className="w-36 text-xs text-muted">
          {dayTime(alert.started_at, chosenZone)}
          <br />
          {alert.resolved_at === null ? `for ${lasted}` : `lasted ${lasted}`}
        </span>
        <span className="w-44 text-xs text-muted">
          {alert.acknowledged_by !== null &&
            `acknowledged by ${attributed(alert.acknowledged_by, alert.acknowledged_on_behalf_of)}`}
          <Suppression alert={alert} />
        </span>
        <span className="flex gap-1">
          {alert.state === "firing" && <Button onClick={onAcknowledge}>Acknowledge</Button>}
          {alert.state !== "resolved" && (
            <Button look="quiet" aria-label="Silence it" onClick={onSilence}>
              <BellOff size={16} aria-hidden />
            </Button>
          )}
          <Button look="quiet" aria-expanded={open} aria-label="What happened" onClick={onToggle}>
            <ChevronDown size={16} aria-hidden className={open ? "rotate-180" : ""} />
          </Button>
        </span>
      </div>
      {open && <Timeline id={alert.id} />}
    </li>
  );
}

type FiguresOf = NonNullable<Alert["figures_now"]>;

const composite = (of: FiguresOf) =>
  burnRateRange(of.composite_burn_rate, of.composite_burn_rate_least);
const left = (of: FiguresOf) =>
  budgetRange(of.error_budget_remaining, of.error_budget_remaining_most);

/** The figures at its firing, and of an open one those now beside them. */
function Figures({ alert }: { alert: Alert }) {
  const { figures_at_firing: then, figures_now: now } = alert;
  if (!then) return null;
  const figures = [
    ["level", then.risk_level, now?.risk_level],
    ["composite", composite(then), now && composite(now)],
    ["5 min", burnRate(then.burn_rate_5m), now && burnRate(now.burn_rate_5m)],
    ["1 h", burnRate(then.burn_rate_1h), now && burnRate(now.burn_rate_1h)],
    ["budget left", left(then), now && left(now)],
  ] as const;
  const known = now && now.data_status !== "ok" ? ` (${now.data_status.replace("_", " ")})` : "";
  return (
    <dl className="mt-1 flex flex-wrap gap-x-4 text-xs text-muted">
      <dt>{now ? `At firing → now${known}:` : "At firing:"}</dt>
      {figures.map(([name, before, after]) => (
        <dd key={name}>
          {name} {before}
          {after && ` → ${after}`}
        </dd>
      ))}
    </dl>
  );
}

const SUPPRESSED_BY: Record<NonNullable<Alert["held_by"]>, string> = {
  inhibited: "another alert",
  silenced: "a silence",
  cooldown: "the cooldown",
};

/** Why nobody is notified now, and how often nobody was. */
function Suppression({ alert }: { alert: Alert }) {
  if (alert.held_by === null && alert.held_back === 0) return null;
  return (
    <span className="flex items-center gap-1">
      <BellOff size={13} aria-hidden />
      {alert.held_by !== null ? `Suppressed by ${SUPPRESSED_BY[alert.held_by]}` : "Notified"}
      {alert.held_back > 0 && ` (${withheld(alert.held_back)})`}
    </span>
  );
}

function withheld(count: number): string {
  return count === 1 ? "1 notification withheld" : `${count} notifications withheld`;
}

function Timeline({ id }: { id: number }) {
  const query = useQuery(alertHistoryQuery(id));
  const chosenZone = useStore(zone);
  return (
    <div className="px-4 pb-3 text-sm sm:pl-36">
      <Shown query={query} height="4rem">
        {(found) => (
          <ol className="space-y-1 border-l-2 border-line pl-3">
            {found.transitions.map((line, i) => (
              <li key={i}>
                <span className="text-muted">{dayTime(line.at, chosenZone)}</span>{" "}
                <strong>{line.kind}</strong>
                {line.actor && ` by ${attributed(line.actor, line.on_behalf_of)}`}
                {line.reason && `: ${line.reason}`}
              </li>
            ))}
            {found.notifications.map((sent) => (
              <li key={`n${sent.id}`} className="text-muted">
                {dayTime(sent.sent_at ?? sent.created_at, chosenZone)} {sent.channel}: {sent.state}
                {sent.last_error && ` (${sent.last_error})`}
              </li>
            ))}
          </ol>
        )}
      </Shown>
    </div>
  );
}
