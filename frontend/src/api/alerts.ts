import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Alert = Schemas["AlertAnswer"];
export type AlertState = Alert["state"];
export type AlertHistory = Schemas["AlertHistoryAnswer"];
export type Silence = Schemas["SilenceAnswer"];
export type SilenceRequest = Schemas["SilenceRequest"];
export type AlertRule = Schemas["RuleAnswer"];
export type Notification = Schemas["NotificationAnswer"];
export type Channel = Schemas["ChannelAnswer"];
export type NewChannel = Schemas["NewChannel"];
export type ChannelChange = Schemas["ChannelChange"];

/** Alerts, and whether they are those of now: where they lag an empty list means nothing. */
export interface AlertList {
  rows: readonly Alert[];
  lagging: boolean;
  confirmedAt: string | null;
}

function listOf(answer: { data?: Alert[]; response: Response }): AlertList {
  const { headers } = answer.response;
  return {
    rows: dataOf(answer),
    lagging: headers.get("Alerts-Status") === "lagging",
    confirmedAt: headers.get("Alerts-Confirmed-At"),
  };
}

// alerts that are evaluated no more change nothing that the stream could announce
const ASKED_EVERY_MILLISECONDS = 10_000;

export function alertsQuery(state: AlertState[]) {
  return queryOptions({
    queryKey: keys.alertList(state),
    queryFn: async ({ signal }) => {
      const params = { query: state.length > 0 ? { state } : {} };
      return listOf(await client.GET("/api/alerts", { params, signal }));
    },
    refetchInterval: ASKED_EVERY_MILLISECONDS,
  });
}

/** A service's episodes that were open within the last seconds. */
export function serviceAlertsQuery(service: string, seconds: number) {
  return queryOptions({
    queryKey: keys.serviceAlerts(service, seconds),
    queryFn: async ({ signal }) => {
      const since = new Date(Date.now() - seconds * 1000).toISOString();
      const params = { path: { service_name: service }, query: { since, limit: 200 } };
      return listOf(await client.GET("/api/alerts/{service_name}", { params, signal }));
    },
    refetchInterval: ASKED_EVERY_MILLISECONDS,
  });
}

export function alertHistoryQuery(id: number) {
  return queryOptions({
    queryKey: keys.alertHistory(id),
    queryFn: async ({ signal }) => {
      const params = { path: { id } };
      return dataOf(await client.GET("/api/alerts/{id}/history", { params, signal }));
    },
  });
}

export const silencesQuery = queryOptions({
  queryKey: keys.silences,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/silences", { signal })),
});

export const rulesQuery = queryOptions({
  queryKey: keys.rules,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/rules", { signal })),
});

export const channelsQuery = queryOptions({
  queryKey: keys.channels,
  queryFn: async ({ signal }) => dataOf(await client.GET("/api/channels", { signal })),
});

/** It counts for the alert as it was seen: the version goes along. */
export async function acknowledge(alert: Alert, actor: string, comment: string): Promise<Alert> {
  const body = { actor, comment, version: alert.version };
  const params = { path: { id: alert.id } };
  return dataOf(await client.PATCH("/api/alerts/{id}/acknowledge", { params, body }));
}

export async function createSilence(body: SilenceRequest): Promise<Silence> {
  const saved = dataOf(await client.POST("/api/silences", { body }));
  return saved as Silence; // a dry run alone is answered otherwise
}

export async function expireSilence(id: number, actor: string, reason: string): Promise<void> {
  const body = { actor, reason };
  await client.DELETE("/api/silences/{id}", { params: { path: { id } }, body });
}

/** Send it a harmless notification; the answer is what became of the one attempt. */
export async function testChannel(id: number, actor: string): Promise<Notification> {
  const params = { path: { id } };
  return dataOf(await client.POST("/api/channels/{id}/test", { params, body: { actor } }));
}

export async function createChannel(body: NewChannel): Promise<Channel> {
  return dataOf(await client.POST("/api/channels", { body }));
}

export async function changeChannel(id: number, body: ChannelChange): Promise<Channel> {
  return dataOf(await client.PUT("/api/channels/{id}", { params: { path: { id } }, body }));
}

export async function deleteChannel(id: number, actor: string, reason: string): Promise<void> {
  const body = { actor, reason };
  await client.DELETE("/api/channels/{id}", { params: { path: { id } }, body });
}

/** Who acts, and why: rules are never changed without. */
export interface Statement {
  actor: string;
  reason: string;
}

/** Give some fields of a rule other values; those that are left out stay. */
export async function changeRule(
  name: string,
  changes: Record<string, unknown>,
  by: Statement,
): Promise<AlertRule> {
  const params = { path: { name } };
  const saved = dataOf(
    await client.PATCH("/api/rules/{name}", { params, body: { ...by, changes } }),
  );
  return saved as AlertRule; // a dry run alone is answered otherwise
}

/** Take back what was set for a rule: a default one of that name holds again. */
export async function deleteRule(name: string, by: Statement): Promise<void> {
  await client.DELETE("/api/rules/{name}", { params: { path: { name } }, body: by });
}
