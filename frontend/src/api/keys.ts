/** The key of every query, from the general to the special: a prefix stands for all below it. */

import type { ChangeClass } from "../lib/vocabulary";
import type { AlertState } from "./alerts";
import type { AuditFilter } from "./audit";
import type { PreviewQuestion } from "./slo";

const service = (name: string, ...part: unknown[]) => ["service", name, ...part] as const;

export const keys = {
  overview: ["overview"],
  snapshots: ["overview", "snapshots"],
  fleet: ["fleet"],
  services: ["services"],
  releases: ["releases"],
  audit: ["audit"],
  auditOf: (filter: AuditFilter) => ["audit", filter],
  apiKeys: ["keys"],
  policies: ["releases", "policies"],
  alerts: ["alerts"],
  silences: ["alerts", "silences"],
  rules: ["alerts", "rules"],
  channels: ["alerts", "channels"],
  ingest: ["ingest"],
  lag: ["ingest", "lag"],
  deadLetters: ["ingest", "dead-letters"],
  deadLetter: (id: string) => ["ingest", "dead-letters", id],
  alertList: (states: readonly AlertState[]) => ["alerts", "list", ...states],
  alertHistory: (id: number) => ["alerts", "history", id],
  serviceAlerts: (name: string, seconds: number) => ["alerts", "service", name, seconds],
  service: (name: string) => service(name),
  declared: (name: string) => service(name, "declared"),
  slo: (name: string) => service(name, "slo"),
  history: (name: string, seconds: number, slo: number | null) =>
    service(name, "history", seconds, slo),
  targets: (name: string) => service(name, "targets"),
  preview: (name: string, question: PreviewQuestion | null) => service(name, "preview", question),
  targetEffect: (name: string, id: number | null, asked: unknown) =>
    service(name, "effect", id, asked),
  serviceEffect: (name: string, asked: unknown) => service(name, "effect", asked),
  loosenings: (name: string) => service(name, "release", "loosenings"),
  forecast: (name: string) => service(name, "forecast"),
  narrative: (name: string) => service(name, "narrative"),
  changes: (name: string, seconds: number) => service(name, "changes", seconds),
  release: (name: string) => service(name, "release"),
  releaseOf: (name: string, changeClass: ChangeClass) => service(name, "release", changeClass),
  answers: (name: string, changeClass: ChangeClass) =>
    service(name, "release", "history", changeClass),
  overrides: (name: string) => service(name, "release", "overrides"),
} as const;
