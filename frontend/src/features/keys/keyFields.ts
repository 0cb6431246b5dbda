/** Between what a person asks of a key and what the server takes. Pure. */

import type { ApiKey, NewKey, Scope } from "../../api/apiKeys";
import { duration } from "../../lib/format";

/** What each scope lets its holder do, from the least on. */
export const SCOPES: Record<Scope, string> = {
  read: "read figures and ask the gate",
  ingest: "send events and changes",
  operate: "change services, targets, alerts, silences, rules and channels",
  override: "override the gate and approve overrides",
  admin: "do everything, with keys and policies too",
};

export interface KeyFields {
  name: string;
  days: string;
}

/** How long the present secret opens beside the new one, in hours. */
export const OVERLAPS = [
  ["24", "after 24 hours"],
  ["1", "after an hour"],
  ["168", "after a week"],
  ["0", "at once"],
] as const;

export function requestOf(form: KeyFields, scopes: readonly Scope[]): NewKey {
  const days = form.days.trim();
  return {
    name: form.name.trim(),
    scopes: [...scopes],
    expires_in_days: days === "" ? null : Number(days),
  };
}

/** What a key will open, in plain words, while it is asked for. */
export function sentenceOf(form: KeyFields, scopes: readonly Scope[]): string {
  const may = scopes.map((scope) => SCOPES[scope]).join("; ") || "do nothing yet: tick a scope";
  const days = Number(form.days);
  const until = form.days.trim() === "" ? "until it is revoked" : `for ${duration(days * 86_400)}`;
  return `Whoever has it may ${may}; ${until}. What it does is written down as key/${form.name.trim() || "…"}.`;
}

export function rotationOf(key: ApiKey, overlapHours: string): string {
  const hours = Number(overlapHours);
  const old =
    hours === 0
      ? "the present secret opens nothing any more at once"
      : `the present secret opens for ${duration(hours * 3600)} more beside it`;
  return `${key.name} gets a new secret, which is shown once; ${old}.`;
}
