import { expect, test } from "vitest";

import type { Target } from "../../api/slo";
import { formOf, questionOf, requestOf, sentenceOf, type TargetFields } from "./targetFields";

const empty = { ...formOf(null), name: " requests succeed " };

test("per cents become exact ratios", () => {
  expect(requestOf({ ...empty, percent: "99.95" })).toEqual({
    name: "requests succeed",
    sli_type: "availability",
    objective: 0.9995,
    window_days: 30,
    min_bad_events: 1,
  });
  expect(requestOf({ ...empty, percent: "99,9" })).toMatchObject({ objective: 0.999 });
});

test("an error rate is given by what may fail, and held against the rest", () => {
  const form: TargetFields = { ...empty, kind: "error_rate", percent: "0.5" };
  expect(requestOf(form)).toMatchObject({ sli_type: "error_rate", max_error_ratio: 0.005 });
  expect(questionOf(form)).toEqual({ objective: 0.995, window_days: 30, threshold_seconds: null });
});

test("latency needs its threshold", () => {
  const form: TargetFields = { ...empty, kind: "latency", percent: "99" };
  expect(questionOf(form)).toBeNull();
  expect(questionOf({ ...form, threshold: "0.5" })).toMatchObject({ threshold_seconds: 0.5 });
  expect(requestOf({ ...form, threshold: "0.5" })).toMatchObject({ threshold_seconds: 0.5 });
});

test.each(["", "100", "0", "abc", "-1"])("nothing is asked about %j per cent", (percent) =>
  expect(questionOf({ ...empty, percent })).toBeNull(),
);

test("a target comes back as it was written", () => {
  const target = { name: "errors", sli_type: "error_rate", objective: 0.995, window_days: 7 };
  const form = formOf({ ...target, threshold_seconds: null, min_bad_events: 3 } as Target);
  expect(form).toMatchObject({ percent: "0.5", windowDays: "7", minBad: "3" });
});

test.each([
  ["availability", null, "99.9\u202f% availability over 30 d"],
  ["latency", 0.25, "99.9\u202f% latency within 0.25 s over 30 d"],
  ["error_rate", null, "99.9\u202f% error rate over 30 d"],
] as const)("a target of kind %s has its sentence", (sli_type, threshold_seconds, sentence) => {
  const target = { sli_type, threshold_seconds, objective: 0.999, window_days: 30 };
  expect(sentenceOf(target as Target)).toBe(sentence);
});
