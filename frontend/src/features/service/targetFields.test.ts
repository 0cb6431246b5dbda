import { expect, test } from "vitest";

import type { Target } from "../../api/slo";
import {
  doubtOf,
  formOf,
  questionOf,
  requestOf,
  sentenceOf,
  sentenceOfForm,
  type TargetFields,
} from "./targetFields";

const empty = { ...formOf(null), name: " requests succeed " };

test("per cents become exact ratios", () => {
  expect(requestOf({ ...empty, objective: "99.95" })).toEqual({
    name: "requests succeed",
    sli_type: "availability",
    objective: 0.9995,
    window_days: 30,
    min_bad_events: 1,
    indicator: "default",
  });
  expect(requestOf({ ...empty, objective: "99,9" })).toMatchObject({ objective: 0.999 });
});

test("an error rate is given by what may fail, and held against the rest", () => {
  const form: TargetFields = { ...empty, kind: "error_rate", maxErrors: "0.5" };
  expect(requestOf(form)).toMatchObject({ sli_type: "error_rate", max_error_ratio: 0.005 });
  expect(questionOf(form)).toMatchObject({ objective: 0.995, window_days: 30 });
});

test("latency needs its threshold", () => {
  const form: TargetFields = { ...empty, kind: "latency", objective: "99" };
  expect(questionOf(form)).toBeNull();
  expect(questionOf({ ...form, threshold: "0.5" })).toMatchObject({ threshold_seconds: 0.5 });
  expect(requestOf({ ...form, threshold: "0.5" })).toMatchObject({ threshold_seconds: 0.5 });
});

test.each(["", "100", "0", "abc", "-1"])("nothing is asked about %j per cent", (percent) =>
  expect(questionOf({ ...empty, objective: percent })).toBeNull(),
);

test("a target comes back as it was written", () => {
  const target = { name: "errors", sli_type: "error_rate", objective: 0.995, window_days: 7 };
  const form = formOf({ ...target, threshold_seconds: null, min_bad_events: 3 } as Target);
  expect(form).toMatchObject({ objective: "99.5", maxErrors: "0.5", windowDays: "7", minBad: "3" });
});

test.each([
  ["availability", null, "99.9\u202f% availability over 30 d"],
  ["latency", 0.25, "99.9\u202f% latency within 0.25 s over 30 d"],
  ["error_rate", null, "99.9\u202f% error rate over 30 d"],
] as const)("a target of kind %s has its sentence", (sli_type, threshold_seconds, sentence) => {
  const indicator = "default";
  const target = { sli_type, threshold_seconds, objective: 0.999, window_days: 30, indicator };
  expect(sentenceOf(target as Target)).toBe(sentence);
});

test("a target of an indicator asks for it, and says of which", () => {
  const form: TargetFields = { ...empty, indicator: " payments " };
  expect(requestOf(form)).toMatchObject({ indicator: "payments" });
  expect(questionOf(form)).toMatchObject({ indicator: "payments" });
  expect(plain(sentenceOfForm(form))).toBe("1 of 1 000 requests of payments may fail in 30 days.");
  expect(requestOf({ ...empty, indicator: "" })).toMatchObject({ indicator: "default" });
});

const plain = (text: string | null) => text?.replaceAll("\u202f", " ") ?? null;

test.each(["availability", "latency", "error_rate"] as const)(
  "a new target that only its kind was chosen of is no laxer for being of kind %s",
  (kind) => {
    const form = { ...empty, kind, threshold: "0.5" };
    expect(questionOf(form)?.objective).toBe(0.999);
    expect(doubtOf(form)).toBeNull();
  },
);

test("what was typed for one kind is there when it is chosen again, and in no other", () => {
  const typed: TargetFields = { ...empty, objective: "99.95" };
  expect(requestOf({ ...typed, kind: "error_rate" })).toMatchObject({ max_error_ratio: 0.001 });
  const both: TargetFields = { ...typed, kind: "error_rate", maxErrors: "2" };
  expect(requestOf({ ...both, kind: "availability" })).toMatchObject({ objective: 0.9995 });
  expect(requestOf({ ...both, kind: "availability" })).not.toHaveProperty("max_error_ratio");
});

test.each([
  [{}, "1 of 1 000 requests may fail in 30 days."],
  [{ objective: "99.95" }, "5 of 10 000 requests may fail in 30 days."],
  [{ objective: "99.9999" }, "1 of 1 000 000 requests may fail in 30 days."],
  [{ objective: "" }, null],
  [{ kind: "error_rate", maxErrors: "2" }, "20 of 1 000 requests may fail in 30 days."],
  [{ kind: "latency" }, null],
  [
    { kind: "latency", threshold: "0.5", objective: "99" },
    "10 of 1 000 requests may take longer than 0.5 s, or fail, in 30 days.",
  ],
] as const)("the form of %j says %s", (typed, sentence) =>
  expect(plain(sentenceOfForm({ ...empty, ...typed }))).toBe(sentence),
);

test.each([
  [{ kind: "error_rate", maxErrors: "99.9" }, "999 of 1 000 requests may fail."],
  [{ objective: "0.1" }, "999 of 1 000 requests may fail."],
  [{ objective: "49.9" }, "501 of 1 000 requests may fail."],
  [{ objective: "50" }, null],
  [{ kind: "error_rate", maxErrors: "50" }, null],
] as const)("%j is doubted: %s", (typed, doubt) =>
  expect(plain(doubtOf({ ...empty, ...typed }))).toBe(doubt),
);
