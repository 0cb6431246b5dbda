import { expect, test } from "vitest";

import { sameShown } from "./sameShown";

const row = { service_name: "cart", forecast: { p10_hours: null }, rates: [0.1, null] };

test("what was read again with the same content is drawn alike", () => {
  const again = JSON.parse(JSON.stringify(row)) as typeof row;
  expect(sameShown({ row, active: true }, { row: again, active: true })).toBe(true);
});

test.each([
  { row: { ...row, rates: [0.1, 0.2] }, active: true },
  { row: { ...row, forecast: { p10_hours: 3 } }, active: true },
  { row, active: false },
])("%j is drawn anew", (after) =>
  expect(sameShown({ row, active: true }, after as { row: typeof row; active: boolean })).toBe(
    false,
  ),
);
