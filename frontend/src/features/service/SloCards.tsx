import type { SloStatus } from "../../api/slo";
import { BudgetBar } from "../../components/BudgetBar";
import { Figure } from "../../components/Figure";
import { useCertainty } from "../../components/freshness";
import { HealthBadge } from "../../components/HealthBadge";
import { budget, burnRate, count, goodRatio, objective } from "../../lib/format";
import type { Certainty } from "../../lib/health";
import { KINDS, ofIndicator } from "./targetFields";

interface Props {
  slos: readonly SloStatus[];
  chosen: number | null;
  onChoose: (id: number | null) => void;
}

/** One card for each objective with its three great figures; the chosen one is charted below. */
export function SloCards({ slos, chosen, onChoose }: Props) {
  return (
    <div
      role="group"
      aria-label="Objectives"
      className="grid gap-3 sm:grid-cols-[repeat(auto-fit,minmax(22rem,1fr))]"
    >
      {slos.map((slo) => (
        <button
          key={slo.id ?? "default"}
          type="button"
          aria-pressed={slo.id === chosen}
          onClick={() => onChoose(slo.id)}
          className={`min-w-0 rounded-lg border bg-panel p-4 text-left hover:border-strong-line
            ${slo.id === chosen ? "border-accent ring-1 ring-accent" : "border-line"}`}
        >
          <Card slo={slo} />
        </button>
      ))}
    </div>
  );
}

function Card({ slo }: { slo: SloStatus }) {
  const kind = `${KINDS[slo.sli_type].text(slo)}${ofIndicator(slo.indicator)}`;
  const counted = slo.total > 0;
  const rates = [slo.burn_rate_5m, slo.burn_rate_1h, slo.burn_rate_24h];
  const certainty = useCertainty(slo.data_status, counted);
  const left = slo.bad_events_left;
  const coverage = slo.windows["5m"]?.coverage_ratio ?? 1;
  return (
    <>
      <span className="flex flex-wrap items-center justify-between gap-2">
        <span className="font-semibold">
          {slo.name}
          {kind !== slo.name && <span className="ml-2 text-xs font-normal text-muted">{kind}</span>}
        </span>
        <HealthBadge level={slo.risk_level} status={slo.data_status} />
      </span>
      <span className="mt-3 grid grid-cols-3 gap-3">
        <GreatFigure
          certainty={certainty}
          name={`good, of ${objective(slo.objective)}`}
          figure={goodRatio(1 - slo.bad / Math.max(1, slo.total), [slo.objective])}
          more={counted ? `${bad(slo)} bad of ${count(slo.total)}` : "nothing counted"}
        />
        <GreatFigure
          certainty={certainty}
          name={`budget left, ${slo.window_days} d`}
          figure={budget(slo.error_budget_remaining)}
          more={
            counted
              ? left >= 0
                ? `${count(left)} failures left`
                : `${count(-left)} failures over budget`
              : ""
          }
        />
        <GreatFigure
          certainty={certainty}
          name="burn rate"
          figure={burnRate(slo.composite_burn_rate, slo.risk_level)}
          more={counted ? rates.map((rate) => burnRate(rate)).join(" · ") : ""}
        />
      </span>
      <span className="mt-3 flex flex-wrap items-center gap-3 text-xs text-muted">
        <BudgetBar remaining={slo.error_budget_remaining} certainty={certainty} label={false} />
        {slo.risk_capped && `level capped: fewer than ${slo.min_bad_events} bad events in 24 h`}
        {slo.default && "default objective: set a target of your own below"}
        {uncertainty(slo)}
        {counted && coverage < 1 && `sure of ${budget(coverage)} of the latest requests`}
      </span>
    </>
  );
}

function bad(slo: SloStatus): string {
  return slo.uncertain > 0
    ? `${count(slo.bad - slo.uncertain)} to ${count(slo.bad)}`
    : count(slo.bad);
}

/** What the figures would be if nothing uncertain was bad. */
function uncertainty(slo: SloStatus): string {
  const { composite_burn_rate_least: least, error_budget_remaining_most: most } = slo;
  if (least === null || most === null) return "";
  return (
    `if none of ${count(slo.uncertain)} uncertain requests was slow: ` +
    `${budget(most)} left, burn rate ${burnRate(least)}`
  );
}

interface GreatFigureProps {
  certainty: Certainty;
  name: string;
  figure: string;
  more: string;
}

function GreatFigure({ certainty, name, figure, more }: GreatFigureProps) {
  return (
    <span className="min-w-0">
      <span className="block truncate text-xs text-muted">{name}</span>
      <span className="block text-xl font-bold whitespace-nowrap">
        <Figure certainty={certainty} figure={figure} />
      </span>
      <span className="block text-xs text-muted">{more}</span>
    </span>
  );
}
