/** Between an alert rule and the form that changes it. Pure; times are seconds. */

import type { AlertRule, Statement } from "../../api/alerts";
import { duration, objective } from "../../lib/format";

type RuleDocument = AlertRule["rule"];
export type Level = RuleDocument["levels"][number];

/** The texts of the form; `severity0` is that of the mildest level. */
export interface RuleFields extends Record<string, string> {
  hold: string;
  resolve: string;
  cooldown: string;
  minBad: string;
  renotify: string;
  channels: string;
  runbook: string;
  actor: string;
  reason: string;
}

export function isEnabled(rule: AlertRule): boolean {
  return rule.rule.enabled !== false;
}

export function fieldsOf(rule: AlertRule, actor: string): RuleFields {
  const document = rule.rule;
  const severities = document.levels.map((level, i) => [`severity${i}`, level.severity] as const);
  return {
    hold: String(document.for_seconds ?? 0),
    resolve: String(document.resolve_for_seconds ?? 0),
    cooldown: String(document.cooldown_seconds ?? 0),
    minBad: String(document.min_bad_events ?? 0),
    renotify: String(document.renotify_ratio ?? ""),
    channels: (document.channels ?? []).join(", "),
    runbook: document.runbook_url ?? "",
    actor,
    reason: "",
    ...Object.fromEntries(severities),
  };
}

/** What of the rule is to be other than it is; nothing else is sent. */
export function changesOf(rule: AlertRule, form: RuleFields): Partial<RuleDocument> {
  const channels = form.channels.split(/[\s,]+/).filter((name) => name !== "");
  const levels = rule.rule.levels.map((level, i) => ({
    ...level,
    severity: (form[`severity${i}`] ?? level.severity) as Level["severity"],
  }));
  const wanted: Partial<RuleDocument> = {
    for_seconds: Number(form.hold),
    resolve_for_seconds: Number(form.resolve),
    cooldown_seconds: Number(form.cooldown),
    min_bad_events: Number(form.minBad),
    renotify_ratio: form.renotify === "" ? null : Number(form.renotify),
    channels,
    levels,
    runbook_url: form.runbook.trim(),
  };
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const changed = Object.entries(wanted).filter(
    ([name, value]) => !same(rule.rule[name as keyof RuleDocument] ?? null, value),
  );
  return Object.fromEntries(changed);
}

export function statementOf(form: RuleFields): Statement {
  return { actor: form.actor.trim(), reason: form.reason.trim() };
}

/** What a level fires at, in words. */
export function thresholdOf(level: Level): string {
  const windows = level.long_windows_seconds;
  if (windows) return `windows of ${windows.map((seconds) => duration(seconds)).join(", ")}`;
  if (level.statuses) return level.statuses.join(", ").replaceAll("_", " ");
  if (level.at_least_level) return level.at_least_level;
  if (level.at_most_ratio != null) return `${objective(level.at_most_ratio)} left`;
  if (level.within_hours != null) return `spent within ${level.within_hours} h`;
  if (level.at_least_burn_rate != null) return `from ${level.at_least_burn_rate}×`;
  return level.at_least_events != null ? `from ${level.at_least_events} events` : "";
}

/** What a rule will do, in plain words, while it is written. */
export function promiseOf(rule: AlertRule): string {
  const { levels, for_seconds: hold, resolve_for_seconds: resolve, channels } = rule.rule;
  if (!isEnabled(rule)) return "It is switched off: nothing fires by it.";
  const fires = levels.map((level) => `${level.severity} at ${thresholdOf(level)}`).join(", ");
  const held = hold ? `after ${duration(hold)} of it` : "at once";
  const ends = resolve ? `after ${duration(resolve)} without it` : "as soon as it is over";
  const again = rule.rule.renotify_ratio;
  const louder = again == null ? "" : `, again at ${again} times the burn rate`;
  const whom = channels?.join(", ") || "nobody";
  return `Fires ${held} (${fires}), resolves ${ends}, and notifies ${whom}${louder}.`;
}

/** A rule in a line: what fires when, after how long, and who is notified. */
export function sentenceOf(rule: AlertRule): string {
  const { levels, for_seconds: hold, cooldown_seconds: cooldown, channels } = rule.rule;
  return [
    ...levels.map((level) => `${level.severity} at ${thresholdOf(level)}`),
    `held ${duration(hold ?? 0)}`,
    `cooldown ${duration(cooldown ?? 0)}`,
    `to ${channels?.join(", ") || "nobody"}`,
  ].join(" · ");
}
