import { expect, test } from "vitest";

import type { Target } from "../../api/slo";
import { formOf, questionOf, requestOf } from "./targetFields";

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

test("an error rate is told by what may fail, and held against the rest", () => {
  const form = { ...empty, kind: "error_rate", percent: "0.5" };
  expect(requestOf(form)).toMatchObject({ sli_type: "error_rate", max_error_ratio: 0.005 });
  expect(questionOf(form)).toEqual({ objective: 0.995, window_days: 30, threshold_seconds: null });
});

test("latency needs its threshold", () => {
  const form = { ...empty, kind: "latency", percent: "99" };
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
