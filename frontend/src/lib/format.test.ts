import { describe, expect, test } from "vitest";

import { budget, burnRate, count, duration, goodRatio, hourInterval, objective } from "./format";

const plain = (text: string) => text.replaceAll("\u202f", " ");

describe("goodRatio", () => {
  test.each([
    [1, "100 %"],
    [0.999999, "99.9999 %"],
    [0.9995, "99.95 %"],
    [0.99953, "99.95 %"],
    [0.999, "99.90 %"],
    [0.9999953, "99.9995 %"],
    [0.95124, "95.12 %"],
    [0.5, "50.00 %"],
    [0, "0.00 %"],
    [1 - 1e-12, "99.99999999 %"],
  ])("%f is %s", (ratio, text) => expect(plain(goodRatio(ratio))).toBe(text));

  test("is never rounded up, and 100 % is exactly 1", () => {
    for (let digits = 1; digits < 9; digits += 1) {
      for (const part of [1, 3, 5, 9.999]) {
        const ratio = 1 - part * 10 ** -digits;
        const shown = Number.parseFloat(goodRatio(ratio));
        expect(shown).toBeLessThan(100);
        expect(shown / 100).toBeLessThanOrEqual(ratio + 1e-11);
      }
    }
  });
});

test.each([
  [0.9, "90 %"],
  [0.0949, "9.4 %"],
  [0.9999, "99 %"],
  [-0.001, "−0.1 %"],
  [-0.1409, "−15 %"],
  [-47.763, "−4777 %"],
  [0, "0.0 %"],
])("the budget %f is %s: what is left is never made more", (ratio, text) =>
  expect(plain(budget(ratio))).toBe(text),
);

test.each([
  [0, "0.00×"],
  [1.4, "1.40×"],
  [14.4, "14.4×"],
  [210.4, "210×"],
  [12345, "12 345×"],
  [null, "–"],
  [Number.NaN, "–"],
])("the burn rate %s is %s", (rate, text) => expect(plain(burnRate(rate))).toBe(text));

test.each([
  [0.999, "99.9 %"],
  [0.9995, "99.95 %"],
  [0.99999, "99.999 %"],
])("the objective %f stands as it was set", (ratio, text) =>
  expect(plain(objective(ratio))).toBe(text),
);

test.each([
  [0, "0 s"],
  [59.4, "59 s"],
  [600, "10 min"],
  [3600, "1 h"],
  [9000, "2 h 30 min"],
  [183_600, "2 d 3 h"],
  [null, "–"],
])("%s seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test("counts are grouped", () => {
  expect(plain(count(1234567))).toBe("1 234 567");
  expect(plain(count(-1234))).toBe("−1 234");
  expect(count(null)).toBe("–");
});

test.each([
  [6.1, 15.4, "6.1–15 h"],
  [30, 100, "1.3–4.2 d"],
  [26, null, "from 1 d 2 h"],
  [null, null, null],
])("from %s to %s hours is %s", (low, high, text) => expect(hourInterval(low, high)).toBe(text));
