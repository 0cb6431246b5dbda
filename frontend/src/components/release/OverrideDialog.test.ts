import { expect, test } from "vitest";

import { emptyForm, requestOf } from "./OverrideDialog";

test("an override is asked for one use of the class at hand within half an hour", () => {
  expect(requestOf(emptyForm("fix"))).toMatchObject({
    decision: "ALLOW",
    change_class: "fix",
    max_uses: 1,
    expires_in_minutes: 30,
    version: null,
  });
});

test("whoever wants it wider says so, and what blocks is not used up", () => {
  const form = emptyForm("feature");
  const wide = { ...form, changeClass: "", uses: " ", minutes: "120" };
  expect(requestOf(wide)).toMatchObject({
    change_class: null,
    max_uses: null,
    expires_in_minutes: 120,
  });
  expect(requestOf({ ...form, decision: "BLOCK" }).max_uses).toBeNull();
});
