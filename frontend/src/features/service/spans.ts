/** When alerts fired, as spans of time on the charts. Pure; times are milliseconds. */

import type { Alert } from "../../api/alerts";

export interface FiringSpan {
  from: number;
  to: number;
  severity: "page" | "ticket";
  rule: string;
}

/** The episodes that somebody is to act on, cut to what the chart shows; open ones reach its end. */
export function firingSpans(alerts: readonly Alert[], first: number, last: number): FiringSpan[] {
  return alerts
    .flatMap((alert): FiringSpan[] => {
      if (alert.severity === "info") return [];
      const end = alert.resolved_at === null ? last : Date.parse(alert.resolved_at);
      const from = Math.max(first, Date.parse(alert.started_at));
      const to = Math.min(last, end);
      return from < to ? [{ from, to, severity: alert.severity, rule: alert.rule }] : [];
    })
    .sort((a, b) => a.from - b.from || (a.rule < b.rule ? -1 : 1));
}

/** The same spans with those of a severity that overlap made one, so that none is drawn twice. */
export function mergedSpans(
  spans: readonly FiringSpan[],
  severity: FiringSpan["severity"],
): [from: number, to: number][] {
  const merged: [number, number][] = [];
  for (const span of spans.filter((s) => s.severity === severity)) {
    const newest = merged[merged.length - 1];
    if (newest && span.from <= newest[1]) newest[1] = Math.max(newest[1], span.to);
    else merged.push([span.from, span.to]);
  }
  return merged;
}

/** The rules that fired at a time, in words. */
export function firingAt(spans: readonly FiringSpan[], at: number): string {
  const rules = spans.filter((span) => span.from <= at && at <= span.to).map((span) => span.rule);
  return [...new Set(rules)].join(", ") || "–";
}
