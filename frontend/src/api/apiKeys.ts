import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type ApiKey = Schemas["KeyAnswer"];
export type MadeKey = Schemas["MadeKeyAnswer"];
export type NewKey = Schemas["NewKey"];
export type Scope = ApiKey["scopes"][number];

export const apiKeysQuery = queryOptions({
  queryKey: keys.apiKeys,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/keys", { signal })),
  // nothing announces that a key was used
  refetchInterval: 30_000,
});

export async function createKey(body: NewKey): Promise<MadeKey> {
  return dataOf(await client.POST("/api/keys", { body }));
}

export async function rotateKey(id: string, overlapHours: number): Promise<MadeKey> {
  const body = { overlap_hours: overlapHours };
  return dataOf(await client.POST("/api/keys/{id}/rotate", { params: { path: { id } }, body }));
}

export async function revokeKey(id: string): Promise<void> {
  await client.DELETE("/api/keys/{id}", { params: { path: { id } } });
}
