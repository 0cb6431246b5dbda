import { queryOptions } from "@tanstack/react-query";

import type { ChangeClass } from "../lib/vocabulary";
import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Release = Schemas["ReleaseAnswer"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type Override = Schemas["OverrideAnswer"];
export type OverrideRequest = Schemas["OverrideRequest"];
export type Policy = Schemas["PolicyAnswer"];
export type Change = Schemas["ChangeAnswer"];

export function releaseQuery(service: string, changeClass: ChangeClass = "feature") {
  return queryOptions({
    queryKey: keys.releaseOf(service, changeClass),
    queryFn: async ({ signal }) => {
      const query = { change_class: changeClass };
      const params = { path: { service_name: service }, query };
      return dataOf(await client.GET("/api/release/{service_name}", { params, signal }));
    },
    // a decision is known for half a minute: it must not grow old unseen
    refetchInterval: 10_000,
  });
}

export function historyQuery(service: string, changeClass: ChangeClass) {
  return queryOptions({
    queryKey: keys.answers(service, changeClass),
    queryFn: async ({ signal }) => {
      const query = { limit: 50, change_class: changeClass };
      const params = { path: { service_name: service }, query };
      return dataOf(await client.GET("/api/release/{service_name}/history", { params, signal }));
    },
  });
}

export function overridesQuery(service: string) {
  return queryOptions({
    queryKey: keys.overrides(service),
    queryFn: async ({ signal }) => {
      const params = { path: { service_name: service }, query: { limit: 20 } };
      return dataOf(await client.GET("/api/release/{service_name}/override", { params, signal }));
    },
  });
}

export const MOST_CHANGES = 100;

export function changesQuery(service: string, seconds: number) {
  return queryOptions({
    queryKey: keys.changes(service, seconds),
    queryFn: async ({ signal }) => {
      const from = new Date(Date.now() - seconds * 1000).toISOString();
      const params = { query: { service, from, limit: MOST_CHANGES } };
      return dataOf(await client.GET("/api/changes", { params, signal }));
    },
    refetchInterval: 30_000,
  });
}

export const policiesQuery = queryOptions({
  queryKey: keys.policies,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/policies", { signal })),
});

export async function createOverride(service: string, body: OverrideRequest): Promise<Override> {
  const params = { path: { service_name: service } };
  return dataOf(await client.POST("/api/release/{service_name}/override", { params, body }));
}

export async function approveOverride(override: Override, actor: string): Promise<Override> {
  const params = { path: { service_name: override.service_name, id: override.id } };
  const path = "/api/release/{service_name}/override/{id}/approve";
  return dataOf(await client.POST(path, { params, body: { actor } }));
}

export async function revokeOverride(
  override: Override,
  body: { actor: string; reason: string },
): Promise<Override> {
  const params = { path: { service_name: override.service_name, id: override.id } };
  return dataOf(await client.DELETE("/api/release/{service_name}/override/{id}", { params, body }));
}
