import { describe, expect, test } from "vitest";

import figures from "../../../libs/common/tests/figures.json";
import {
  budget,
  burnRate,
  count,
  duration,
  goodRatio,
  hourInterval,
  objective,
  shortRate,
  spent,
  timeLeft,
} from "./format";
import { compare, decimal } from "./rounding";
import { RISK_BOUNDARIES, levelAt, type RiskLevel } from "./vocabulary";

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

/** What the table says, as the dashboard writes it. */
const table = (text: string, sign: string) => `${text.replace("-", "−")}${sign}`;
const ungrouped = (text: string) => text.replaceAll("\u202f", "");

interface Case {
  value: number;
  text: string;
  level: RiskLevel;
}
const CASES = figures as unknown as Record<string, Case[]>;

describe("the table that the server holds to as well", () => {
  test.each(CASES["burn_rate"]!)("burn rate $value is $text", ({ value, text }) =>
    expect(ungrouped(burnRate(value))).toBe(table(text, "×")),
  );
  test.each(CASES["burn_rate_at_level"]!)("$value at $level is $text", ({ value, level, text }) =>
    expect(ungrouped(burnRate(value, level))).toBe(table(text, "×")),
  );
  test.each(CASES["left"]!)("$value left is $text", ({ value, text }) =>
    expect(ungrouped(budget(value))).toBe(table(text, "%")),
  );
  test.each(CASES["spent"]!)("$value spent is $text", ({ value, text }) =>
    expect(ungrouped(spent(value))).toBe(table(text, "%")),
  );
  test.each(CASES["objective"]!)("$value set is $text", ({ value, text }) =>
    expect(ungrouped(objective(value))).toBe(table(text, "%")),
  );
  test.each(CASES["count"]!)("$value counted is $text", ({ value, text }) =>
    expect(ungrouped(count(value))).toBe(table(text, "")),
  );
});

/** Figures near thresholds, by as little as the last digit of a float, and a few far away. */
function* figuresNear(thresholds: readonly number[]): Generator<[number, number]> {
  for (const threshold of thresholds) {
    for (let power = 0; power <= 17; power += 1) {
      for (const part of [-4.9, -1, -0.3, 0.3, 1, 4.9]) {
        yield [threshold * (1 + part * 10 ** -power) || 0, threshold];
      }
    }
    yield [threshold, threshold];
  }
}

describe("a figure that is shown", () => {
  const read = (text: string) => Number.parseFloat(ungrouped(text).replace("−", "-"));

  test("never contradicts the level beside it", () => {
    for (const [rate] of figuresNear(RISK_BOUNDARIES)) {
      expect([rate, levelAt(read(burnRate(rate)))]).toEqual([rate, levelAt(rate)]);
      expect([rate, levelAt(read(shortRate(rate)))]).toEqual([rate, levelAt(rate)]);
    }
  });

  test("is met or missed as the objective beside it says", () => {
    for (const [ratio, asked] of figuresNear([0.5, 0.9, 0.99, 0.99955, 0.999999])) {
      if (ratio >= 1) continue;
      const [whole = "", rest = ""] = goodRatio(ratio, [asked]).split(/[.\u202f]/);
      const places = rest === "%" ? 0 : rest.length;
      const shown = { digits: BigInt(whole + rest.slice(0, places)), places: places + 2 };
      const side = compare(decimal(ratio), decimal(asked));
      expect([ratio, compare(shown, decimal(asked))]).toEqual([ratio, side]);
    }
  });

  test("is spent or not, less left and more spent than there is, never the other way", () => {
    for (const [ratio] of figuresNear([1e-9, 0.001, 0.1, 1, 2, -0.5])) {
      const [left, used] = [read(budget(ratio)) / 100, read(spent(ratio)) / 100];
      expect([ratio, Math.sign(left), Math.sign(used)]).toEqual([
        ratio,
        Math.sign(ratio),
        Math.sign(ratio),
      ]);
      expect(left).toBeLessThanOrEqual(ratio + 1e-11);
      expect(used).toBeGreaterThanOrEqual(ratio - 1e-11);
    }
  });
});

test.each([
  [9, "known", "9 h"],
  [null, "known", "not within 30 days"],
  [null, "catching_up", "not known yet"],
  [null, "pending", "not known yet"],
  [null, "no_data", "not known yet"],
])("%s hours of a forecast that is %s are %s", (left, status, text) =>
  expect(plain(timeLeft({ time_to_exhaustion_hours: left, forecast_status: status }, 30))).toBe(
    text,
  ),
);

test.each([
  [null, "–"],
  [Number.NaN, "–"],
])("the burn rate %s is %s", (rate, text) => expect(burnRate(rate)).toBe(text));

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
