import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { serviceAlertsQuery } from "../../api/alerts";
import { forecastOf, forecastQuery } from "../../api/forecast";
import { looseningsQuery, type Loosening } from "../../api/loosenings";
import { changesQuery, type Change } from "../../api/release";
import { historyQuery, type SloReport } from "../../api/slo";
import { AlertsLagging } from "../../components/AlertsLagging";
import { Empty, Shown } from "../../components/ui/states";
import { useAddress, withParameter } from "../../lib/useAddress";
import { BudgetChart, type Marker } from "./BudgetChart";
import { CountChart } from "./CountChart";
import { RateChart } from "./RateChart";
import { RANGES, budgetSeries, chosenRange, countSeries, rateSeries, timeSpan } from "./series";
import { firingSpans } from "./spans";

/** The history of one objective on one cursor: budget, burn rates, counts. */
export function Charts({ report, slo }: { report: SloReport; slo: number | null }) {
  const [search, edit] = useAddress();
  const { range, span } = chosenRange(search);
  const service = report.service_name;
  const query = useQuery(historyQuery(service, span, slo));
  const forecasts = useQuery(forecastQuery(service)).data;
  const deployments = useQuery(changesQuery(service, span.seconds)).data;
  const loosenings = useQuery(looseningsQuery(service)).data;
  const changes = useMemo(
    () => markersOf(deployments ?? [], loosenings ?? [], span.seconds),
    [deployments, loosenings, span.seconds],
  );
  const alerts = useQuery(serviceAlertsQuery(service, span.seconds)).data;
  const status = report.slos.find((s) => s.id === slo);
  const windowDays = status?.window_days ?? 30;
  const thresholds = (status?.burn_pairs ?? []).map((pair) => pair.threshold);
  const forecast = forecastOf(forecasts, slo);
  const drawn = useMemo(() => {
    if (!query.data) return undefined;
    const rates = rateSeries(query.data);
    const budget = budgetSeries(query.data, windowDays, forecast);
    const [first, last] = [rates[0]?.at ?? 0, rates[rates.length - 1]?.at ?? 0];
    return {
      // one scale of time for all: to where the forecast reaches, or the newest change
      span: timeSpan([rates, budget, changes]),
      budget,
      rates,
      counts: countSeries(query.data),
      firing: firingSpans(alerts?.rows ?? [], first, last),
    };
  }, [query.data, windowDays, forecast, alerts, changes]);
  const choose = (name: string) =>
    edit((now) => withParameter(now, "range", name), { replace: true });
  return (
    <>
      <RangeSwitch chosen={range} onChoose={choose} />
      {alerts && <AlertsLagging alerts={alerts} />}
      <Shown query={query} height="46rem">
        {(history) =>
          drawn === undefined || drawn.budget.length === 0 ? (
            <Empty title="No counts in this span">
              Nothing was reported for {service}. Choose a longer span, or send events.
            </Empty>
          ) : (
            <>
              <BudgetChart
                span={drawn.span}
                points={drawn.budget}
                changes={changes}
                windowDays={windowDays}
              />
              <RateChart
                span={drawn.span}
                points={drawn.rates}
                thresholds={thresholds}
                firing={drawn.firing}
              />
              <CountChart
                span={drawn.span}
                points={drawn.counts}
                stepSeconds={history.step_seconds}
              />
            </>
          )
        }
      </Shown>
    </>
  );
}

/** What changed the service, and what made its promises milder, in the span that is shown. */
function markersOf(
  changes: readonly Change[],
  loosenings: readonly Loosening[],
  seconds: number,
): Marker[] {
  const since = Date.now() - seconds * 1000;
  const loosened = loosenings
    .filter((one) => one.state !== "pending" && one.state !== "withdrawn")
    .map((one) => ({
      id: `loosening ${one.id}`,
      at: Date.parse(one.loosened_at),
      label: `loosened: ${one.loosened[0]?.field ?? one.title}`,
    }))
    .filter((marker) => marker.at >= since);
  const deployed = changes.map((change) => ({
    id: change.id,
    at: Date.parse(change.at),
    label: change.version || change.kind,
  }));
  return [...deployed, ...loosened];
}

function RangeSwitch({ chosen, onChoose }: { chosen: string; onChoose: (name: string) => void }) {
  return (
    <div role="group" aria-label="Span of the charts" className="flex">
      {Object.keys(RANGES).map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
          className={`border border-line px-3 py-1 text-sm first:rounded-l-md last:rounded-r-md
            ${name === chosen ? "bg-raised font-semibold" : "bg-panel text-muted hover:bg-raised"}`}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
