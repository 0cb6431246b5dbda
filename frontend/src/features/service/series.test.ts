import { describe, expect, test } from "vitest";

import type { SloForecast } from "../../api/forecast";
import type { BurnHistory, HistoryPoint } from "../../api/slo";
import { budgetSeries, chosenRange, countSeries, logDomain, rateSeries, timeSpan } from "./series";

test.each([
  ["range=7+d", "7 d", 7 * 86_400],
  ["", "24 h", 86_400],
  ["range=1+year", "24 h", 86_400],
  ["range=toString", "24 h", 86_400],
])("the address %j asks for %s", (address, range, seconds) => {
  const chosen = chosenRange(new URLSearchParams(address));
  expect([chosen.range, chosen.span.seconds]).toEqual([range, seconds]);
});

const HOUR = 3_600_000;
const START = Date.parse("2026-11-23T00:00:00Z");

function history(...points: Partial<HistoryPoint>[]): BurnHistory {
  const whole = points.map((point, i) => ({
    timestamp: new Date(START + i * HOUR).toISOString(),
    data_status: "ok",
    burn_rate_5m: 0,
    burn_rate_1h: 2,
    burn_rate_24h: 1,
    composite_burn_rate: 1,
    error_budget_remaining: 0.5,
    total: 10,
    bad: 1,
    step_seconds: 3600,
    partial: false,
    ...point,
  }));
  return { points: whole } as unknown as BurnHistory;
}

function forecast(p10: number | null, p50: number | null, p90: number | null): SloForecast {
  return { p10_hours: p10, p50_hours: p50, p90_hours: p90 } as SloForecast;
}

describe("the budget", () => {
  const past = history({ error_budget_remaining: 0.6 }, {}, { error_budget_remaining: 0.4 });

  test("has the pace of a burn rate of 1 beside it", () => {
    const series = budgetSeries(past, 1, null);
    expect(series.map((p) => p.actual)).toEqual([0.6, 0.5, 0.4]);
    expect(series.map((p) => p.ideal)).toEqual([0.6, 0.6 - 1 / 24, 0.6 - 2 / 24]);
  });

  test("goes on as a cone that opens from the present and ends at nothing", () => {
    const series = budgetSeries(past, 30, forecast(0.5, 0.7, 4));
    const ahead = series.filter((p) => p.cone);
    expect(ahead[0]).toMatchObject({ at: START + 2 * HOUR, likely: 0.4, cone: [0.4, 0.4] });
    const last = ahead[ahead.length - 1];
    expect(last?.likely).toBe(0);
    expect(last?.cone?.[0]).toBe(0);
    expect(last?.cone?.[1]).toBeGreaterThan(0);
  });

  test("has no cone where the budget lasts, or all is spent", () => {
    expect(budgetSeries(past, 30, forecast(null, null, null)).some((p) => p.cone)).toBe(false);
    const spent = history({ error_budget_remaining: -2 });
    expect(budgetSeries(spent, 30, forecast(0, 0, 0)).some((p) => p.cone)).toBe(false);
  });

  test("is empty before the first report", () => {
    expect(budgetSeries(history({ data_status: "no_data" }), 30, null)).toEqual([]);
  });
});

test("no rate is drawn of what is not known, and none falls below the axis", () => {
  const points = rateSeries(history({}, { data_status: "stale" }, { data_status: "no_traffic" }));
  expect(points.map((p) => p.short)).toEqual([0.01, null, null]);
  expect(points.map((p) => p.hour)).toEqual([2, null, null]);
  expect(logDomain(points, [14.4])).toEqual([0.01, 100]);
});

test("counts divide into good and bad, and say of which step they are", () => {
  const last = { partial: true, step_seconds: 720, total: 2, bad: 0 };
  expect(countSeries(history({}, last))).toEqual([
    { at: START, good: 9, bad: 1, stepSeconds: 3600, partial: false },
    { at: START + HOUR, good: 2, bad: 0, stepSeconds: 720, partial: true },
  ]);
});

test("charts begin with the history and reach the last of what is drawn", () => {
  const rates = rateSeries(history({}, {}));
  const deployedBefore = { at: START - HOUR };
  const deployedNow = { at: START + 2 * HOUR };
  expect(timeSpan([rates, [deployedBefore, deployedNow]])).toEqual([START, START + 2 * HOUR]);
  expect(timeSpan([rates, []])).toEqual([START, START + HOUR]);
});
