import { expect, test } from "vitest";

import { burningRow, overviewRow } from "../../testing/rows";
import { countByHealth, selected, selectionOf, withSelection, withToggled } from "./selection";

const rows = [
  overviewRow("cart"),
  burningRow("payments", 40),
  burningRow("checkout", 1.7),
  overviewRow("reports", { data_status: "stale", tier: 3, owner: "team-analytics" }),
];
const names = (query: string) =>
  selected(rows, selectionOf(new URLSearchParams(query))).map((row) => row.service_name);

test("the worst stands first, the unknown before the calm", () => {
  expect(names("")).toEqual(["payments", "checkout", "reports", "cart"]);
});

test("by time left, what is not known yet stands before what is not spent within the window", () => {
  const { forecast } = overviewRow("any");
  const some = [
    overviewRow("calm"),
    overviewRow("unknown", { forecast: { ...forecast, forecast_status: "catching_up" } }),
    overviewRow("soon", { forecast: { ...forecast, time_to_exhaustion_hours: 600 } }),
  ];
  const sorted = selected(some, selectionOf(new URLSearchParams("sort=exhaustion")));
  expect(sorted.map((row) => row.service_name)).toEqual(["soon", "unknown", "calm"]);
});

test.each([
  ["q=PAY", ["payments"]],
  ["q=analytics", ["reports"]],
  ["level=UNKNOWN&level=DANGER", ["checkout", "reports"]],
  ["tier=3", ["reports"]],
  ["owner=team-shop&sort=name", ["cart", "checkout", "payments"]],
  ["level=SAFE&q=pay", []],
])("%s shows %s", (query, expected) => expect(names(query)).toEqual(expected));

test("what is chosen stands in the address, and what is as always does not", () => {
  const search = withSelection(new URLSearchParams("view=heat"), { search: "a b", tier: 1 });
  expect(search.toString()).toBe("view=heat&q=a+b&tier=1");
  expect(withSelection(search, { search: "", tier: null }).toString()).toBe("view=heat");
  const both = withSelection(new URLSearchParams(), { healths: ["FREEZE", "UNKNOWN"] });
  expect(selectionOf(both).healths).toEqual(["FREEZE", "UNKNOWN"]);
});

test("nonsense in the address counts as nothing", () => {
  expect(names("tier=9&sort=zzz&level=green")).toEqual(names(""));
});

test("an old state is counted as not known", () => {
  expect(countByHealth(rows)).toEqual({ FREEZE: 1, DANGER: 1, OBSERVE: 0, SAFE: 1, UNKNOWN: 1 });
});

test("a page that hears nothing counts every service as not known", () => {
  expect(countByHealth(rows, true)).toMatchObject({ FREEZE: 0, SAFE: 0, UNKNOWN: 4 });
});

test("a health that is chosen again is chosen no more, the others stay", () => {
  const one = withToggled(new URLSearchParams("q=pay"), "FREEZE");
  const both = withToggled(one, "UNKNOWN");
  expect(selectionOf(both).healths).toEqual(["FREEZE", "UNKNOWN"]);
  expect(withToggled(both, "FREEZE").toString()).toBe("q=pay&level=UNKNOWN");
});
