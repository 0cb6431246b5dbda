import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";
import type { ServiceUpdate } from "./services";
import type { NewTarget, Target } from "./slo";

export type Loosening = Schemas["LooseningAnswer"];
export type LooseningPreview = Schemas["LooseningPreview"];

interface Statement {
  actor: string;
  reason: string;
}

export function looseningsQuery(service: string) {
  return queryOptions({
    queryKey: keys.loosenings(service),
    queryFn: async ({ signal }) => {
      const params = { query: { service, limit: 20 } };
      return dataOf(await client.GET("/api/loosenings", { params, signal }));
    },
  });
}

/** What saving a target would do: a dry run of the very request; null while there is none. */
export function targetEffectQuery(service: string, target: Target | null, body: NewTarget | null) {
  return queryOptions({
    queryKey: keys.targetEffect(service, target?.id ?? null, body),
    enabled: body !== null,
    queryFn: async ({ signal }) => {
      if (body === null) throw new Error("nothing is asked");
      const query = { dry_run: true };
      if (target === null) {
        const params = { path: { service_name: service }, query };
        const path = "/api/slo/{service_name}/targets";
        return previewOf(dataOf(await client.POST(path, { params, body, signal })));
      }
      const params = { path: { id: target.id }, query };
      return previewOf(dataOf(await client.PUT("/api/slo/targets/{id}", { params, body, signal })));
    },
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 10_000,
  });
}

export function targetRemovalQuery(target: Target) {
  return queryOptions({
    queryKey: keys.targetEffect(target.service_name, target.id, "removal"),
    queryFn: async ({ signal }) => {
      const params = { path: { id: target.id }, query: { dry_run: true } };
      return previewOf(dataOf(await client.DELETE("/api/slo/targets/{id}", { params, signal })));
    },
    retry: false,
  });
}

/** What another wording of a service would do; null while there is none. */
export function serviceEffectQuery(name: string, body: ServiceUpdate | null) {
  return queryOptions({
    queryKey: keys.serviceEffect(name, body),
    enabled: body !== null,
    queryFn: async ({ signal }) => {
      if (body === null) throw new Error("nothing is asked");
      const params = { path: { name }, query: { dry_run: true } };
      return previewOf(dataOf(await client.PUT("/api/services/{name}", { params, body, signal })));
    },
    placeholderData: keepPreviousData,
    retry: false,
  });
}

export function serviceRemovalQuery(name: string) {
  return queryOptions({
    queryKey: keys.serviceEffect(name, "removal"),
    queryFn: async ({ signal }) => {
      const params = { path: { name }, query: { dry_run: true } };
      return previewOf(dataOf(await client.DELETE("/api/services/{name}", { params, signal })));
    },
    retry: false,
  });
}

export async function undoLoosening(loosening: Loosening, body: Statement): Promise<Loosening> {
  const params = { path: { id: loosening.id } };
  return dataOf(await client.POST("/api/loosenings/{id}/undo", { params, body }));
}

export async function approveLoosening(loosening: Loosening, actor: string): Promise<Loosening> {
  const params = { path: { id: loosening.id } };
  return dataOf(await client.POST("/api/loosenings/{id}/approve", { params, body: { actor } }));
}

/** A dry run answers with nothing else. */
function previewOf(answer: unknown): LooseningPreview {
  return answer as LooseningPreview;
}
