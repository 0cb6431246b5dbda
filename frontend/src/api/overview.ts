import { queryOptions } from "@tanstack/react-query";

import type { Decision } from "../lib/health";
import { client, dataOf, type Schemas } from "./client";

/** What the gate says of a feature release now, with the first reason. */
export interface RowDecision {
  decision: Decision;
  allowed: boolean;
  reason: string | null;
}

/** When the budget is spent: hours from now, null where that is not in sight. */
export interface RowForecast {
  time_to_exhaustion_hours: number | null;
  p10_hours: number | null;
  p90_hours: number | null;
  burn_rate_trend: "increasing" | "decreasing" | "stable";
}

export type OverviewRow = Schemas["OverviewRow"] & {
  decision?: RowDecision | null;
  forecast?: RowForecast | null;
};

export interface Overview {
  hours_end: number[];
  services: OverviewRow[];
}

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: async ({ signal }): Promise<Overview> =>
    dataOf(await client.GET("/api/overview", { signal })),
});
