import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Refresher, keysOf } from "./live";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a snapshot concerns the overview and the service's own figures", () => {
  expect(keysOf({ "slo.burnrates.v1": { checkout: 7, "shard/2": 9 } })).toEqual([
    ["overview"],
    ["service", "checkout", "slo"],
  ]);
  expect(keysOf({ "slo.decisions.v1": { cart: 8 } })).toContainEqual([
    "service",
    "cart",
    "release",
  ]);
  expect(keysOf({ "slo.alerts.v1": { "17": 3 } })).toEqual([["alerts"]]);
  expect(keysOf({ "some.other.topic": { x: 1 } })).toEqual([]);
});

test("what changes often is asked for at most every second and a half", () => {
  const queries = new QueryClient();
  const asked = vi.spyOn(queries, "invalidateQueries").mockResolvedValue();
  const fresh = new Refresher(queries, () => Infinity);
  for (let i = 0; i < 30; i += 1) {
    fresh.some({ "slo.burnrates.v1": { "shard/1": 5 } });
    vi.advanceTimersByTime(100);
  }
  expect(asked.mock.calls.length).toBeGreaterThanOrEqual(2);
  expect(asked.mock.calls.length).toBeLessThanOrEqual(3);
  vi.advanceTimersByTime(2000);
  fresh.some({ "slo.burnrates.v1": { "shard/1": 5 } });
  vi.advanceTimersByTime(0);
  expect(asked.mock.calls.length).toBeGreaterThanOrEqual(3);
});

test("news wait while somebody types, but not for long", () => {
  const queries = new QueryClient();
  const asked = vi.spyOn(queries, "invalidateQueries").mockResolvedValue();
  let typedAt = -Infinity;
  const fresh = new Refresher(queries, () => Date.now() - typedAt);
  const type = (milliseconds: number) => {
    for (let at = 0; at < milliseconds; at += 100) {
      typedAt = Date.now();
      fresh.some({ "slo.burnrates.v1": { "shard/1": 5 } });
      vi.advanceTimersByTime(100);
    }
  };
  fresh.some({ "slo.burnrates.v1": { "shard/1": 5 } });
  vi.advanceTimersByTime(0);
  expect(asked).toHaveBeenCalledTimes(1);
  type(3_000);
  expect(asked).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(400);
  expect(asked).toHaveBeenCalledTimes(2);
  type(10_000);
  expect(asked.mock.calls.length).toBeGreaterThanOrEqual(4);
});

test("of many changes only what is shown and concerned is asked for", () => {
  const queries = new QueryClient();
  const fresh = new Refresher(queries, () => Infinity);
  const keys = [
    ["overview"],
    ["service", "cart", "slo"],
    ["service", "checkout", "slo"],
    ["fleet"],
  ];
  for (const key of keys) queries.setQueryData(key, {});
  fresh.some({ "slo.burnrates.v1": { cart: 5, "cart-2": 6, "shard/1": 7 } });
  vi.advanceTimersByTime(0);
  const invalidated = keys.filter((key) => queries.getQueryState(key)?.isInvalidated);
  expect(invalidated).toEqual([["overview"], ["service", "cart", "slo"]]);
});
