import { useQuery } from "@tanstack/react-query";

import { forecastOf, forecastQuery, type SloForecast } from "../../api/forecast";
import { Figure } from "../../components/Figure";
import { useIsStale } from "../../components/freshness";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { hourInterval, timeLeft } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";

interface Props {
  service: string;
  slo: number | null;
  /** Of the objective: no forecast looks further. */
  windowDays: number;
}

export function ForecastPanel({ service, slo, windowDays }: Props) {
  const query = useQuery(forecastQuery(service));
  return (
    <Panel title="Forecast">
      <Shown query={query} height="5rem">
        {(found) => {
          const forecast = forecastOf(found, slo);
          return forecast ? (
            <Figures forecast={forecast} windowDays={windowDays} />
          ) : (
            <NoForecast />
          );
        }}
      </Shown>
    </Panel>
  );
}

function NoForecast() {
  return (
    <p className="text-sm text-muted">
      There is none of this objective yet: it comes a moment after the objective is set and counts
      have arrived.
    </p>
  );
}

function Figures({ forecast, windowDays }: { forecast: SloForecast; windowDays: number }) {
  const chosenZone = useStore(zone);
  const at = (instant: string | null) => (instant === null ? "–" : dayTime(instant, chosenZone));
  const certainty = useIsStale() ? "past" : "current";
  const spent = forecast.error_budget_remaining <= 0;
  const facts: [string, string][] = [
    ["Budget spent in", spent ? "spent already" : timeLeft(forecast, windowDays)],
    ["P10 to P90", spent ? "–" : (hourInterval(forecast.p10_hours, forecast.p90_hours) ?? "–")],
    ["Spent at", spent ? "–" : at(forecast.projected_exhaustion_time)],
    ["Trend", forecast.forecast_status === "known" ? forecast.burn_rate_trend : "–"],
    ["Confidence", forecast.confidence_level],
    ["Block lifts at, if no more fail", at(forecast.unblocked_at)],
  ];
  return (
    <div className="space-y-3 text-sm">
      <p className="leading-6">{forecast.forecast_message}</p>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-1">
        {facts.map(([name, figure]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd>
              <Figure certainty={certainty} figure={figure} className="font-medium" />
            </dd>
          </div>
        ))}
      </dl>
      <p className="text-xs text-muted">
        {forecast.confidence_reason} ({forecast.data_points_used} points)
      </p>
    </div>
  );
}
