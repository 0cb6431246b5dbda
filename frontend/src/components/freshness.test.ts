import { expect, test } from "vitest";

import { isStale } from "./freshness";

const NOW = 1_000_000;
const heard = (secondsAgo: number, isRefetchError = false) => ({
  dataUpdatedAt: NOW - secondsAgo * 1000,
  isRefetchError,
});

test("what was heard a moment ago holds, by stream or by asking", () => {
  expect(isStale(heard(5), "live", NOW)).toBe(false);
  expect(isStale(heard(12), "polling", NOW)).toBe(false);
});

test("half a minute of silence is too long", () => {
  expect(isStale(heard(31), "live", NOW)).toBe(true);
});

test("without the stream, one question without an answer is enough", () => {
  expect(isStale(heard(5, true), "polling", NOW)).toBe(true);
  expect(isStale(heard(5, true), "connecting", NOW)).toBe(true);
});

test("while the stream speaks, an answer that failed is asked for again first", () => {
  expect(isStale(heard(5, true), "live", NOW)).toBe(false);
});

test("before the first answer there is nothing that could be stale", () => {
  expect(isStale({ dataUpdatedAt: 0, isRefetchError: false }, "connecting", NOW)).toBe(false);
});
