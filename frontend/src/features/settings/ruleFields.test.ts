import { expect, test } from "vitest";

import type { AlertRule } from "../../api/alerts";
import { changesOf, fieldsOf, promiseOf, sentenceOf, thresholdOf, type Level } from "./ruleFields";

const rule = {
  name: "budget-left",
  rule: {
    name: "budget-left",
    kind: "budget_left",
    levels: [
      { severity: "info", at_most_ratio: 0.5 },
      { severity: "ticket", at_most_ratio: 0.1 },
    ],
    for_seconds: 300,
    resolve_for_seconds: 600,
    cooldown_seconds: 900,
    min_bad_events: 10,
    renotify_ratio: 2,
    channels: ["simulated"],
    runbook_url: "",
  },
} as unknown as AlertRule;

const form = fieldsOf(rule, "ana");

test("a form that nobody has touched changes nothing", () => {
  expect(changesOf(rule, form)).toEqual({});
});

test("only what is other is sent, levels with all that they have", () => {
  const runbook = "https://runbooks.example.com/budget";
  const typed = { ...form, hold: "60", channels: "simulated, on-call", severity1: "page", runbook };
  expect(changesOf(rule, typed)).toEqual({
    for_seconds: 60,
    channels: ["simulated", "on-call"],
    levels: [
      { severity: "info", at_most_ratio: 0.5 },
      { severity: "page", at_most_ratio: 0.1 },
    ],
    runbook_url: runbook,
  });
});

test("how far a burn rate grows before anybody is notified again can be set, or left out", () => {
  expect(changesOf(rule, { ...form, renotify: "3" })).toEqual({ renotify_ratio: 3 });
  expect(changesOf(rule, { ...form, renotify: "" })).toEqual({ renotify_ratio: null });
});

test("a rule reads as a line", () => {
  expect(sentenceOf(rule).replaceAll("\u202f", " ")).toBe(
    "info at 50 % left · ticket at 10 % left · held 5 min · cooldown 15 min · to simulated",
  );
});

const levels: [Omit<Level, "severity">, string][] = [
  [{ long_windows_seconds: [3600, 21_600] }, "windows of 1 h, 6 h"],
  [{ statuses: ["stale", "no_data"] }, "stale, no data"],
  [{ at_least_level: "FREEZE" }, "FREEZE"],
  [{ within_hours: 24 }, "spent within 24 h"],
  [{ at_least_burn_rate: 0.5 }, "from 0.5×"],
  [{ at_least_events: 3 }, "from 3 events"],
];
test.each(levels)("%j fires at %s", (level, words) =>
  expect(thresholdOf({ severity: "page", ...level })).toBe(words),
);

test.each([
  [
    {},
    "Fires after 5 min of it (info at 50 % left, ticket at 10 % left), resolves after 10 min without it, and notifies simulated, again at 2 times the burn rate.",
  ],
  [
    { for_seconds: 0, resolve_for_seconds: 0, channels: [], renotify_ratio: null },
    "Fires at once (info at 50 % left, ticket at 10 % left), resolves as soon as it is over, and notifies nobody.",
  ],
  [{ enabled: false }, "It is switched off: nothing fires by it."],
])("a rule with %j says what it will do", (changes, promise) => {
  const changed = { ...rule, rule: { ...rule.rule, ...changes } };
  expect(promiseOf(changed).replaceAll("\u202f", " ")).toBe(promise);
});
