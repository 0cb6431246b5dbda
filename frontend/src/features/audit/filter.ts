/** What is asked of the audit, as it stands in the page's address. Pure. */

import type { AuditEntry, AuditFilter } from "../../api/audit";
import type { Zone } from "../../lib/time";

/** Types of objects, as subjects name them, and the kinds of action that there are. */
export const OBJECT_TYPES = [
  ...(["service", "target", "policy", "override", "rule", "channel", "silence"] as const),
  ...(["alert", "loosening", "key", "dead-letter", "batch"] as const),
];
export const ACTIONS = [
  ...(["created", "added", "changed", "deleted", "purged", "used", "approved"] as const),
  ...(["revoked", "replaced", "expired", "acknowledged", "rotated", "tested"] as const),
  ...(["requested", "recorded", "ended", "undone", "withdrawn", "replayed", "skipped"] as const),
];

const NAMES = ["object_type", "object_name", "person", "action", "from", "to"] as const;
export type FilterName = (typeof NAMES)[number];

export function filterOf(search: URLSearchParams): AuditFilter {
  const given = NAMES.map((name) => [name, search.get(name)?.trim() ?? ""] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== ""));
}

/** A field for a time says it without its zone; the address holds the instant. */
export function instantOf(typed: string, zone: Zone): string | null {
  const at = new Date(zone === "utc" ? `${typed}Z` : typed);
  return typed === "" || Number.isNaN(at.getTime()) ? null : at.toISOString();
}

export function typedOf(instant: string | null, zone: Zone): string {
  const at = new Date(instant ?? "");
  if (Number.isNaN(at.getTime())) return "";
  const shift = zone === "utc" ? 0 : at.getTimezoneOffset() * 60_000;
  return new Date(at.getTime() - shift).toISOString().slice(0, 16);
}

/** The page on which the object of an entry is found; null where there is none. */
export function pageOf({ subject, service_name: service }: AuditEntry): string | null {
  const type = subject.slice(0, subject.indexOf("/"));
  const ofService = service === null ? null : `/services/${service}`;
  const pages: Record<string, string | null> = {
    service: ofService,
    target: ofService,
    override: ofService,
    loosening: ofService ?? "/releases",
    policy: "/releases",
    rule: "/settings?tab=rules",
    channel: "/settings?tab=channels",
    silence: "/alerts",
    alert: "/alerts?view=all",
    key: "/keys",
    "dead-letter": "/settings?tab=ingest",
    batch: "/settings?tab=ingest",
  };
  return pages[type] ?? null;
}

/** A value as it was written: texts as they are, the rest as JSON has it. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
