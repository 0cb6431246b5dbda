import { expect, test } from "vitest";

import { FREEZE_ABOVE, RISK_BOUNDARIES, levelAt } from "./vocabulary";

test.each([
  [0, "SAFE"],
  [0.999, "SAFE"],
  [1, "OBSERVE"],
  [1.499, "OBSERVE"],
  [1.5, "DANGER"],
  [2, "DANGER"],
  [2.001, "FREEZE"],
  [1000, "FREEZE"],
] as const)("a burn rate of %f is %s", (rate, level) => expect(levelAt(rate)).toBe(level));

test("there is a boundary between each two levels, rising", () => {
  expect(RISK_BOUNDARIES).toEqual([1, 1.5, FREEZE_ABOVE]);
});
