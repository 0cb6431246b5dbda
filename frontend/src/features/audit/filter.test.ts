import { expect, test } from "vitest";

import type { AuditEntry } from "../../api/audit";
import { filterOf, instantOf, pageOf, shownValue, typedOf } from "./filter";

test("what stands in the address is asked for, and nothing else", () => {
  const search = new URLSearchParams("object_type=target&person= ana &action=&tab=x");
  expect(filterOf(search)).toEqual({ object_type: "target", person: "ana" });
});

test.each(["utc", "local"] as const)("a time in the %s zone comes back as it was typed", (zone) => {
  const instant = instantOf("2026-11-23T06:40", zone);
  expect(typedOf(instant, zone)).toBe("2026-11-23T06:40");
  expect(instantOf("", zone)).toBeNull();
  expect(typedOf(null, zone)).toBe("");
});

test.each([
  ["service/cart", "cart", "/services/cart"],
  ["target/3", "cart", "/services/cart"],
  ["override/3", "cart", "/services/cart"],
  ["policy/default", null, "/releases"],
  ["rule/burn", null, "/settings?tab=rules"],
  ["key/4f1d09c2ab37", null, "/keys"],
  ["services", null, null],
  ["something/new", null, null],
])("%s of %s is found at %s", (subject, service_name, page) =>
  expect(pageOf({ subject, service_name } as AuditEntry)).toBe(page),
);

test.each([
  [null, "nothing"],
  ["0.999", "0.999"],
  [["feature", "fix"], '["feature","fix"]'],
  [false, "false"],
])("the value %j reads %s", (value, text) => expect(shownValue(value)).toBe(text));
