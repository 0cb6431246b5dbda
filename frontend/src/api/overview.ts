import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type OverviewRow = Schemas["OverviewRow"];
export type Overview = Schemas["OverviewAnswer"];

export const overviewQuery = queryOptions({
  queryKey: keys.overview,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/overview", { signal })),
  // rows compare themselves where they are shown; looking through all of them costs a frame
  structuralSharing: false,
  // what is no longer counted changes nothing that the stream could announce: time alone makes it old
  refetchInterval: 10_000,
});

/** When a snapshot was made, in milliseconds since 1970: its id says so, in microseconds. */
export function momentOf(snapshotId: string): number {
  return Number(snapshotId.slice(snapshotId.indexOf(".") + 1)) / 1000;
}
