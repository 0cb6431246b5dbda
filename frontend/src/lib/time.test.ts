import { describe, expect, test } from "vitest";

import { roundInstants } from "./time";

const HOUR = 3_600_000;
const FROM = Date.UTC(2026, 10, 23, 22, 50);

function clocks(hours: number, most = 9): string[] {
  return roundInstants([FROM, FROM + hours * HOUR], most, "utc").map((at) =>
    new Date(at).toISOString().slice(5, 16),
  );
}

test("a day has every third hour", () => {
  expect(clocks(24)).toEqual(
    ["24T00", "24T03", "24T06", "24T09", "24T12", "24T15", "24T18", "24T21"].map(
      (hour) => `11-${hour}:00`,
    ),
  );
});

test("six hours have whole ones, a phone half as many", () => {
  expect(clocks(6).slice(0, 3)).toEqual(["11-23T23:00", "11-24T00:00", "11-24T01:00"]);
  expect(clocks(6, 4)).toEqual(["11-24T00:00", "11-24T02:00", "11-24T04:00"]);
});

test("a week has its days, each once, at midnight", () => {
  const week = clocks(7 * 24);
  expect(week).toHaveLength(7);
  expect(week.every((clock) => clock.endsWith("T00:00"))).toBe(true);
});

describe.each([0.05, 1, 5, 71, 73, 24 * 30, 24 * 90])("%d hours", (hours) => {
  test.each([2, 4, 9, 14])("have at most %d, evenly, within the span", (most) => {
    const found = roundInstants([FROM, FROM + hours * HOUR], most, "utc");
    expect(found.length).toBeLessThanOrEqual(most + 1);
    const steps = found.slice(1).map((at, i) => at - found[i]!);
    expect(new Set(steps).size).toBeLessThanOrEqual(1);
    for (const at of found) {
      expect(at).toBeGreaterThanOrEqual(FROM);
      expect(at).toBeLessThanOrEqual(FROM + hours * HOUR);
    }
  });
});

test("local times are round where the reader is", () => {
  const [first] = roundInstants([FROM, FROM + 7 * 24 * HOUR], 9, "local");
  expect([new Date(first!).getHours(), new Date(first!).getMinutes()]).toEqual([0, 0]);
});
