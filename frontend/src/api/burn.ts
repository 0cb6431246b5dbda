import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Snapshot = Schemas["BurnRateSnapshotAnswer"];

export const snapshotsQuery = queryOptions({
  queryKey: keys.snapshots,
  queryFn: async ({ signal }) =>
    dataOf(await client.GET("/api/burn", { params: { query: { limit: 1000 } }, signal })),
  refetchInterval: 10_000,
});
