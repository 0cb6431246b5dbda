import { queryOptions } from "@tanstack/react-query";

import { getOptional, send } from "./client";

export type AlertState = "firing" | "acknowledged" | "resolved";
export type AlertSeverity = "page" | "ticket" | "info";

/** One episode of one rule on one service. */
export interface Alert {
  id: number;
  service_name: string;
  rule: string;
  severity: AlertSeverity;
  state: AlertState;
  version: number;
  message: string;
  annotations: Record<string, string>;
  started_at: string;
  resolved_at: string | null;
  acknowledged_by: string | null;
  /** Why nobody is told now. */
  held_by: "inhibited" | "silenced" | "cooldown" | null;
  /** How often somebody would have been told. */
  held_back: number;
  notices: number;
  channels: string[];
}

export interface AlertHistory {
  alert: Alert;
  transitions: { kind: string; version: number; at: string; actor: string; reason: string }[];
  notifications: {
    id: number;
    channel: string;
    state: "pending" | "sent" | "dead";
    attempts: number;
    last_error: string | null;
    created_at: string;
    sent_at: string | null;
  }[];
}

export interface Silence {
  id: number;
  state: string;
  matchers: { name: string; value: string; is_glob: boolean; is_equal: boolean }[];
  starts_at: string;
  ends_at: string;
  created_by: string;
  comment: string;
}

export interface AlertRule {
  name: string;
  source: string;
  rule: Record<string, unknown>;
}

export interface Channel {
  id: number;
  name: string;
  kind: string;
  enabled: boolean;
  address: string | null;
}

export function alertsQuery(states: readonly AlertState[]) {
  return queryOptions({
    queryKey: ["alerts", "list", ...states],
    queryFn: ({ signal }) => {
      const query = new URLSearchParams(states.map((state) => ["state", state]));
      return getOptional<Alert[]>(`/api/alerts?${query.toString()}`, signal);
    },
  });
}

export function alertHistoryQuery(id: number) {
  return queryOptions({
    queryKey: ["alerts", "history", id],
    queryFn: ({ signal }) => getOptional<AlertHistory>(`/api/alerts/${id}/history`, signal),
  });
}

export const silencesQuery = queryOptions({
  queryKey: ["alerts", "silences"],
  queryFn: ({ signal }) => getOptional<Silence[]>("/api/silences", signal),
});

export const rulesQuery = queryOptions({
  queryKey: ["alerts", "rules"],
  queryFn: ({ signal }) => getOptional<AlertRule[]>("/api/rules", signal),
});

export const channelsQuery = queryOptions({
  queryKey: ["alerts", "channels"],
  queryFn: ({ signal }) => getOptional<Channel[]>("/api/channels", signal),
});

export function acknowledge(
  alert: Alert,
  body: { actor: string; comment: string },
): Promise<Alert> {
  const path = `/api/alerts/${alert.id}/acknowledge`;
  return send<Alert>("PATCH", path, { ...body, version: alert.version });
}

export interface SilenceRequest {
  matchers: { name: string; value: string }[];
  duration_minutes: number;
  created_by: string;
  comment: string;
}

export function createSilence(body: SilenceRequest): Promise<Silence> {
  return send<Silence>("POST", "/api/silences", body);
}

export function expireSilence(id: number, actor: string): Promise<unknown> {
  const reason = "ended from the dashboard";
  return send("DELETE", `/api/silences/${id}`, { actor, reason });
}

export function testChannel(id: number, actor: string): Promise<unknown> {
  return send("POST", `/api/channels/${id}/test`, { actor });
}

export function changeRule(
  name: string,
  body: { actor: string; reason: string; changes: Record<string, unknown> },
): Promise<AlertRule> {
  return send<AlertRule>("PUT", `/api/rules/${name}`, body);
}
