import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type SloReport = Schemas["SloReport"];
export type SloStatus = Schemas["SloStatusAnswer"];
export type Target = Schemas["TargetAnswer"];
export type NewTarget = Schemas["NewTarget"];
export type TargetUpdate = Schemas["TargetUpdate"];
export type BurnHistory = Schemas["BurnHistory"];
export type HistoryPoint = Schemas["HistoryPoint"];

export function sloQuery(service: string) {
  return queryOptions({
    queryKey: keys.slo(service),
    queryFn: async ({ signal }) => {
      const params = { path: { service_name: service } };
      return dataOf(await client.GET("/api/slo/{service_name}", { params, signal }));
    },
    // figures that nobody counts any more change nothing that the stream could announce
    refetchInterval: 10_000,
  });
}

export interface HistorySpan {
  seconds: number;
  step: string;
}

export function historyQuery(service: string, span: HistorySpan, slo: number | null) {
  return queryOptions({
    queryKey: keys.history(service, span.seconds, slo),
    queryFn: async ({ signal }) => {
      const from = new Date(Date.now() - span.seconds * 1000).toISOString();
      const query = { from, step: span.step, ...(slo === null ? {} : { slo }) };
      const params = { path: { service_name: service }, query };
      return dataOf(await client.GET("/api/burn/{service_name}", { params, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
}

export function targetsQuery(service: string) {
  return queryOptions({
    queryKey: keys.targets(service),
    queryFn: async ({ signal }) => {
      const params = { path: { service_name: service } };
      return dataOf(await client.GET("/api/slo/{service_name}/targets", { params, signal }));
    },
  });
}

export interface PreviewQuestion {
  objective: number;
  window_days: NonNullable<NewTarget["window_days"]>;
  threshold_seconds: number | null;
  indicator: string;
}

export function previewQuery(service: string, question: PreviewQuestion | null) {
  return queryOptions({
    queryKey: keys.preview(service, question),
    enabled: question !== null,
    queryFn: async ({ signal }) => {
      if (question === null) throw new Error("nothing is asked");
      const { threshold_seconds, ...rest } = question;
      const query = { ...rest, ...(threshold_seconds === null ? {} : { threshold_seconds }) };
      const params = { path: { service_name: service }, query };
      return dataOf(await client.GET("/api/slo/{service_name}/preview", { params, signal }));
    },
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

export async function createTarget(service: string, body: NewTarget): Promise<Target> {
  const params = { path: { service_name: service } };
  const saved = dataOf(await client.POST("/api/slo/{service_name}/targets", { params, body }));
  return saved as Target; // a dry run alone is answered otherwise
}

export async function updateTarget(id: number, body: TargetUpdate): Promise<Target> {
  const saved = dataOf(
    await client.PUT("/api/slo/targets/{id}", { params: { path: { id } }, body }),
  );
  return saved as Target; // a dry run alone is answered otherwise
}

export async function deleteTarget(id: number, reason: string): Promise<void> {
  const body = reason === "" ? {} : { reason };
  await client.DELETE("/api/slo/targets/{id}", { params: { path: { id } }, body });
}
