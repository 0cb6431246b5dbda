/** Between an alert rule and the form that changes it. Pure; times are seconds. */

import type { AlertRule, Statement } from "../../api/alerts";
import { budget, burnRate, duration } from "../../lib/format";

type Level = Record<string, unknown>;

/** The texts of the form; `severity0` is that of the mildest level. */
export interface RuleFields extends Record<string, string> {
  hold: string;
  resolve: string;
  cooldown: string;
  minBad: string;
  channels: string;
  runbook: string;
  actor: string;
  reason: string;
}

export function isEnabled(rule: AlertRule): boolean {
  return rule.rule["enabled"] !== false;
}

export function levelsOf(rule: AlertRule): readonly Level[] {
  const levels = rule.rule["levels"];
  return Array.isArray(levels) ? (levels as Level[]) : [];
}

export function channelsOf(rule: AlertRule): readonly string[] {
  const names = rule.rule["channels"];
  return Array.isArray(names) ? names.map(String) : [];
}

const whole = (rule: AlertRule, name: string) => Number(rule.rule[name] ?? 0);

export function fieldsOf(rule: AlertRule, actor: string): RuleFields {
  const severities = levelsOf(rule).map(
    (level, i) => [`severity${i}`, String(level["severity"])] as const,
  );
  return {
    hold: String(whole(rule, "for_seconds")),
    resolve: String(whole(rule, "resolve_for_seconds")),
    cooldown: String(whole(rule, "cooldown_seconds")),
    minBad: String(whole(rule, "min_bad_events")),
    channels: channelsOf(rule).join(", "),
    runbook: typeof rule.rule["runbook_url"] === "string" ? rule.rule["runbook_url"] : "",
    actor,
    reason: "",
    ...Object.fromEntries(severities),
  };
}

/** What of the rule is to be other than it is; nothing else is sent. */
export function changesOf(rule: AlertRule, form: RuleFields): Record<string, unknown> {
  const channels = form.channels.split(/[\s,]+/).filter((name) => name !== "");
  const levels = levelsOf(rule).map((level, i) => ({
    ...level,
    severity: form[`severity${i}`] ?? level["severity"],
  }));
  const wanted: Record<string, unknown> = {
    for_seconds: Number(form.hold),
    resolve_for_seconds: Number(form.resolve),
    cooldown_seconds: Number(form.cooldown),
    min_bad_events: Number(form.minBad),
    channels,
    levels,
    runbook_url: form.runbook.trim(),
  };
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const changed = Object.entries(wanted).filter(([name, value]) => !same(rule.rule[name], value));
  return Object.fromEntries(changed);
}

export function statementOf(form: RuleFields): Statement {
  return { actor: form.actor.trim(), reason: form.reason.trim() };
}

/** What a level fires at, in words. */
export function thresholdOf(level: Level): string {
  const windows = level["long_windows_seconds"];
  if (Array.isArray(windows)) return `windows of ${windows.map((s) => duration(+s)).join(", ")}`;
  const statuses = level["statuses"];
  if (Array.isArray(statuses)) return statuses.join(", ").replaceAll("_", " ");
  if (typeof level["at_least_level"] === "string") return level["at_least_level"];
  if (typeof level["at_most_ratio"] === "number") return `${budget(level["at_most_ratio"])} left`;
  if (typeof level["within_hours"] === "number") return `spent within ${level["within_hours"]} h`;
  const rate = level["at_least_burn_rate"];
  if (typeof rate === "number") return `from ${burnRate(rate)}`;
  const events = level["at_least_events"];
  return typeof events === "number" ? `from ${events} events` : "";
}

/** A rule in a line: what fires when, after how long, and who is notified. */
export function sentenceOf(rule: AlertRule): string {
  const levels = levelsOf(rule).map(
    (level) => `${String(level["severity"])} at ${thresholdOf(level)}`,
  );
  return [
    ...levels,
    `held ${duration(whole(rule, "for_seconds"))}`,
    `cooldown ${duration(whole(rule, "cooldown_seconds"))}`,
    `to ${channelsOf(rule).join(", ") || "nobody"}`,
  ].join(" · ");
}
