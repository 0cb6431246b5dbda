import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Fact = Schemas["FactAnswer"];
export type Narrative = Schemas["ServiceSummary"];

export function narrativeQuery(service: string) {
  return queryOptions({
    queryKey: keys.narrative(service),
    queryFn: async ({ signal }) => {
      const params = { path: { service_name: service } };
      return dataOf(await client.GET("/api/summary/{service_name}", { params, signal }));
    },
    refetchInterval: 15_000,
  });
}

export const fleetSummaryQuery = queryOptions({
  queryKey: keys.fleet,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/summary", { signal })),
  refetchInterval: 15_000,
});
