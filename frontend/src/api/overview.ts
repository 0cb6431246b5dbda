import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";

export type OverviewRow = Schemas["OverviewRow"];
export type Overview = Schemas["OverviewAnswer"];

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/overview", { signal })),
  // what is no longer counted changes nothing that the stream could tell: time alone makes it old
  refetchInterval: 10_000,
});
