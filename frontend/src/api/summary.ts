import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Fact = Schemas["FactAnswer"];
export type Narrative = Schemas["ServiceSummary"];

/** What the rest of the page shows of a service; undefined: no decision is shown yet. */
export type Shown = Pick<Narrative, "risk_level" | "data_status"> & {
  decision_id: string | null | undefined;
};

/** Whether a text speaks of the state and the decision that stand beside it. */
export function agrees(text: Narrative, shown: Shown): boolean {
  return (
    text.risk_level === shown.risk_level &&
    text.data_status === shown.data_status &&
    (shown.decision_id === undefined || text.decision_id === shown.decision_id)
  );
}

/** The text is read again at once where it speaks of another moment than what stands beside it. */
export function narrativeQuery(service: string, shown: Shown) {
  return queryOptions({
    queryKey: keys.narrative(service),
    queryFn: async ({ signal }) => {
      const params = { path: { service_name: service } };
      return dataOf(await client.GET("/api/summary/{service_name}", { params, signal }));
    },
    refetchInterval: ({ state }) =>
      state.data === undefined || agrees(state.data, shown) ? 15_000 : 1_500,
  });
}

export const fleetSummaryQuery = queryOptions({
  queryKey: keys.fleet,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/summary", { signal })),
  refetchInterval: 15_000,
});
