import { queryOptions } from "@tanstack/react-query";

import { getOptional } from "./client";

/** One objective looked ahead; hours from `evaluated_at`, null where the end is not in sight. */
export interface SloForecast {
  id: number | null;
  name: string;
  time_to_exhaustion_hours: number | null;
  projected_exhaustion_time: string | null;
  p10_hours: number | null;
  p50_hours: number | null;
  p90_hours: number | null;
  burn_rate_trend: "increasing" | "decreasing" | "stable";
  confidence_level: "high" | "medium" | "low";
  confidence_reason: string;
  forecast_message: string;
  data_points_used: number;
  error_budget_remaining: number;
  unblocked_at: string | null;
  data_status: string;
}

export interface Forecast extends Omit<SloForecast, "id" | "name"> {
  service_name: string;
  evaluated_at: string;
  slos: SloForecast[];
}

export function forecastQuery(service: string) {
  return queryOptions({
    queryKey: ["service", service, "forecast"],
    queryFn: ({ signal }) => getOptional<Forecast>(`/api/forecast/${service}`, signal),
  });
}

/** The look ahead of one objective; the first of all when it is not known which is meant. */
export function forecastOf(forecast: Forecast | null, slo: number | null): SloForecast | null {
  if (forecast === null) return null;
  return forecast.slos.find((f) => f.id === slo) ?? forecast.slos[0] ?? null;
}
