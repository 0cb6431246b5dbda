import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type DeadLetter = Schemas["DeadLetterAnswer"];
export type Lag = Schemas["LagAnswer"];
export type ShardLag = Schemas["ShardLagAnswer"];
export type CorrectedEvent = NonNullable<Schemas["ReplayRequest"]["event"]>;

export const MAX_DEAD_LETTERS = 100;

export const deadLettersQuery = queryOptions({
  queryKey: keys.deadLetters,
  queryFn: async ({ signal }) => {
    const params = { query: { limit: MAX_DEAD_LETTERS } };
    return dataOf(await client.GET("/api/ingest/dead-letters", { params, signal }));
  },
  refetchInterval: 10_000,
});

/** A dead letter with as much of its record as is kept; lists show the beginning of it. */
export function deadLetterQuery(id: string) {
  return queryOptions({
    queryKey: keys.deadLetter(id),
    queryFn: async ({ signal }) => {
      const params = { path: { id } };
      return dataOf(await client.GET("/api/ingest/dead-letters/{id}", { params, signal }));
    },
  });
}

export const lagQuery = queryOptions({
  queryKey: keys.lag,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/ingest/lag", { signal })),
  refetchInterval: 5_000,
});

/** Send a dead letter's record again: as it was where `event` is null, else that in its place. */
export async function replayDeadLetter(
  id: string,
  actor: string,
  event: CorrectedEvent | null,
): Promise<DeadLetter> {
  const params = { path: { id } };
  const body = { actor, event };
  return dataOf(await client.POST("/api/ingest/dead-letters/{id}/replay", { params, body }));
}
