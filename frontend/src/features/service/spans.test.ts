import { expect, test } from "vitest";

import type { Alert } from "../../api/alerts";
import { firingAt, firingSpans, mergedSpans } from "./spans";

const FIRST = Date.parse("2026-11-23T06:00:00Z");
const minute = (n: number) => FIRST + n * 60_000;
const LAST = minute(60);

function episode(
  rule: string,
  severity: Alert["severity"],
  from: number,
  to: number | null,
): Alert {
  return {
    rule,
    severity,
    started_at: new Date(minute(from)).toISOString(),
    resolved_at: to === null ? null : new Date(minute(to)).toISOString(),
  } as Alert;
}

const alerts = [
  episode("still-open", "page", 50, null),
  episode("began-before", "ticket", -30, 10),
  episode("overlaps", "ticket", 5, 20),
  episode("only-said", "info", 1, 59),
  episode("long-gone", "page", -90, -60),
];
const spans = firingSpans(alerts, FIRST, LAST);

test("episodes are cut to the chart; an open one lasts to its end", () => {
  expect(spans).toEqual([
    { from: FIRST, to: minute(10), severity: "ticket", rule: "began-before" },
    { from: minute(5), to: minute(20), severity: "ticket", rule: "overlaps" },
    { from: minute(50), to: LAST, severity: "page", rule: "still-open" },
  ]);
});

test("what overlaps is drawn once", () => {
  expect(mergedSpans(spans, "ticket")).toEqual([[FIRST, minute(20)]]);
  expect(mergedSpans(spans, "page")).toEqual([[minute(50), LAST]]);
});

test("every moment knows what fired", () => {
  expect(firingAt(spans, minute(7))).toBe("began-before, overlaps");
  expect(firingAt(spans, minute(30))).toBe("–");
});
