import { expect, test } from "vitest";

import { burningRow, overviewRow } from "../../testing/rows";
import { headlineOf } from "./headline";

const plain = (text: string) => text.replaceAll("\u202f", " ");

test("the worst service is named, with how fast it burns and where that goes", () => {
  const worst = { ...burningRow("payments", 12), burn_rate_5m: 40, burn_rate_1h: 10 };
  const { worst: name, text } = headlineOf([overviewRow("cart"), worst]);
  expect(name).toBe("payments");
  expect(plain(text)).toBe(
    "burns 12.0× as fast as allowed (5 min 40.0×, 1 h 10.0×, 24 h 12.0×) and is getting worse. " +
      "80 % of its 30 day budget is left.",
  );
});

test("what is uncertain is a range", () => {
  const unsure = { composite_burn_rate_least: 3, error_budget_remaining_most: 0.9 };
  const text = plain(headlineOf([{ ...burningRow("payments", 12), ...unsure }]).text);
  expect(text).toContain("burns 3.00× to 12.0× as fast as allowed");
  expect(text).toContain("80 % to 90 % of its 30 day budget is left.");
  expect(plain(headlineOf([overviewRow("cart", unsure)]).text)).toContain("left: 80 % to 90 %.");
});

test("calm is said with the least budget, and doubt is never left out", () => {
  const low = overviewRow("search", { error_budget_remaining: 0.16 });
  const unknown = overviewRow("reports", { data_status: "stale", risk_level: "FREEZE" });
  expect(plain(headlineOf([overviewRow("cart"), low, unknown]).text)).toBe(
    "No service burns faster than allowed. search has the least budget left: 16 %. " +
      "Nothing is known of 1 service now.",
  );
});

test("a page that hears nothing has no headline but that", () => {
  expect(headlineOf([overviewRow("cart"), burningRow("payments", 12)], true)).toEqual({
    worst: null,
    text: "Nothing is known of 2 services now.",
  });
});

test("nothing is claimed of services that are all unknown", () => {
  const rows = [
    overviewRow("a", { data_status: "lagging" }),
    overviewRow("b", { data_status: "no_data" }),
  ];
  expect(headlineOf(rows)).toEqual({ worst: null, text: "Nothing is known of 2 services now." });
});
