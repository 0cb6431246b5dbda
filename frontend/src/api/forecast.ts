import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Forecast = Schemas["ForecastAnswer"];
export type SloForecast = Schemas["SloForecastAnswer"];

export function forecastQuery(service: string) {
  return queryOptions({
    queryKey: keys.forecast(service),
    queryFn: async ({ signal }) => {
      const params = { path: { service_name: service } };
      return dataOf(await client.GET("/api/forecast/{service_name}", { params, signal }));
    },
  });
}

/** The look ahead of one objective; null while it is not known. */
export function forecastOf(forecast: Forecast | undefined, slo: number | null): SloForecast | null {
  return forecast?.slos.find((f) => f.id === slo) ?? null;
}
