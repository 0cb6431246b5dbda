import { expect, test } from "vitest";

import { certaintyOf, direction, healthOf, severity } from "./health";
import type { DataStatus } from "./vocabulary";

const STATUSES: DataStatus[] = ["no_traffic", "stale", "lagging", "no_data"];

test.each(STATUSES)("what is %s is no health, whatever level it last had", (data_status) => {
  for (const risk_level of ["SAFE", "FREEZE"] as const) {
    expect(healthOf({ risk_level, data_status })).toBe("UNKNOWN");
  }
});

test.each([
  ["ok", true, "current"],
  ["ok", false, "none"],
  ["no_data", true, "none"],
  ["lagging", false, "none"],
  ["lagging", true, "past"],
  ["stale", true, "past"],
  ["no_traffic", true, "past"],
] as const)("figures that are %s (counted: %j) are %s", (status, counted, expected) =>
  expect(certaintyOf(status, counted)).toBe(expected),
);

const STEADY = { burn_rate_5m: 0, burn_rate_1h: 0, burn_rate_24h: 0 };

test("an outage that lasts comes before one of its level that recovers", () => {
  const freeze = { risk_level: "FREEZE", data_status: "ok" } as const;
  const live = {
    ...freeze,
    composite_burn_rate: 15.1,
    ...STEADY,
    burn_rate_5m: 24,
    burn_rate_1h: 12,
  };
  const over = {
    ...freeze,
    composite_burn_rate: 15.8,
    ...STEADY,
    burn_rate_5m: 1,
    burn_rate_1h: 30,
  };
  expect(severity(live)).toBeGreaterThan(severity(over));
  expect(severity({ ...over, composite_burn_rate: 1e300 })).toBeLessThan(severity(live));
  expect(severity(over)).toBeGreaterThan(severity({ ...live, risk_level: "DANGER" }));
});

test("burning comes before unknown, unknown before calm, and more before less", () => {
  const row = (risk_level: "SAFE" | "FREEZE", data_status: DataStatus, composite: number) =>
    severity({ risk_level, data_status, composite_burn_rate: composite, ...STEADY });
  const order = [
    row("FREEZE", "ok", 40),
    row("FREEZE", "ok", 2.1),
    row("FREEZE", "stale", 90),
    row("SAFE", "ok", 0.9),
    row("SAFE", "ok", 0),
  ];
  expect([...order].sort((a, b) => b - a)).toEqual(order);
});

test.each([
  [10, 2, "ok", "worse"],
  [0.1, 5, "ok", "better"],
  [2, 2.1, "ok", "steady"],
  [0.15, 0.01, "ok", "steady"],
  [10, 2, "stale", "unknown"],
] as const)("5 min %f after 1 h %f, %s: %s", (now, before, data_status, expected) => {
  const rates = { burn_rate_5m: now, burn_rate_1h: before, burn_rate_24h: 0 };
  expect(direction({ ...rates, data_status })).toBe(expected);
});
