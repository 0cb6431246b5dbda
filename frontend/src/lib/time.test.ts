import { afterEach, describe, expect, test } from "vitest";

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

describe("across a change of clocks", () => {
  const before = process.env["TZ"];
  afterEach(() => {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  });

  const clock = (place: string, at: number) =>
    new Intl.DateTimeFormat("en-GB", {
      timeZone: place,
      day: "2-digit",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      hour12: false,
    }).format(at);

  const localTicks = (place: string, from: number, hours: number, most: number) => {
    process.env["TZ"] = place;
    return roundInstants([from, from + hours * HOUR], most, "local").map((at) => clock(place, at));
  };

  // the night in which clocks change, by place: an hour, half an hour, an hour off a quarter
  test.each([
    ["America/New_York", Date.UTC(2026, 2, 8, 7)],
    ["America/New_York", Date.UTC(2026, 10, 1, 6)],
    ["Australia/Lord_Howe", Date.UTC(2026, 3, 4, 15)],
    ["Australia/Lord_Howe", Date.UTC(2026, 9, 3, 15, 30)],
    ["Pacific/Chatham", Date.UTC(2026, 3, 4, 14)],
    ["Pacific/Chatham", Date.UTC(2026, 8, 26, 14)],
    ["Asia/Kathmandu", Date.UTC(2026, 2, 8, 7)],
  ])("days in %s begin at midnight, each once (%d)", (place, change) => {
    for (const daysBefore of [3, 15, 27]) {
      const ticks = localTicks(place, change - daysBefore * 24 * HOUR, 30 * 24, 31);
      expect(ticks.length).toBeGreaterThanOrEqual(30);
      expect(ticks.filter((tick) => !tick.endsWith("00:00"))).toEqual([]);
      expect(new Set(ticks.map((tick) => tick.slice(0, 6))).size).toBe(ticks.length);
    }
  });

  test.each([
    ["America/New_York", Date.UTC(2026, 2, 8, 7)],
    ["America/New_York", Date.UTC(2026, 10, 1, 6)],
    ["Australia/Lord_Howe", Date.UTC(2026, 9, 3, 15, 30)],
    ["Pacific/Chatham", Date.UTC(2026, 8, 26, 14)],
  ])("times in %s are round before and after (%d)", (place, change) => {
    const ticks = localTicks(place, change - 12 * HOUR, 24, 9);
    expect(ticks.length).toBeGreaterThanOrEqual(7);
    for (const tick of ticks) {
      expect([tick, Number(tick.slice(-5, -3)) % 3, tick.slice(-2)]).toEqual([tick, 0, "00"]);
    }
  });

  test("the hour that comes twice has its ticks twice", () => {
    const ticks = localTicks("America/New_York", Date.UTC(2026, 10, 1, 4), 4, 9);
    expect(ticks.map((tick) => tick.slice(-5))).toEqual([
      ...["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30", "03:00"],
    ]);
  });

  test("a day without a midnight begins at its first instant", () => {
    const ticks = localTicks("Asia/Beirut", Date.UTC(2026, 2, 27), 5 * 24, 9);
    expect(ticks.find((tick) => tick.startsWith("29 Mar"))).toMatch(/01:00$/);
  });
});
