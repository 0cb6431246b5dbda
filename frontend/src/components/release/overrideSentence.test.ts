import { expect, test } from "vitest";

import type { OverrideRequest } from "../../api/release";
import { requestOf } from "./OverrideDialog";
import { sentenceOf } from "./overrideSentence";

const asked: OverrideRequest = {
  decision: "ALLOW",
  actor: "ana",
  reason: "the outage is over",
  expires_in_minutes: 30,
  change_class: "feature",
  version: null,
  ticket: null,
  max_uses: 1,
};

test.each([
  [
    {},
    "For 30 min from now the gate lets through feature releases of cart (any version), once, " +
      "whatever the budget says.",
  ],
  [
    { change_class: null, version: "1.2", max_uses: 3, expires_in_minutes: 90 },
    "For 1 h 30 min from now the gate lets through releases of every class of cart " +
      "(version 1.2 only), 3 times, whatever the budget says.",
  ],
  [
    { decision: "BLOCK", max_uses: null },
    "For 30 min from now the gate blocks feature releases of cart (any version), whatever the " +
      "budget says.",
  ],
] as const)("an override with %j says what it will do", (changes, sentence) =>
  expect(sentenceOf({ ...asked, ...changes }, "cart")).toBe(sentence),
);

test("uses that were typed for another decision are not sent with a block", () => {
  const form = { decision: "BLOCK", actor: "ana", reason: "an outage begins", minutes: "30" };
  const rest = { changeClass: "", version: "", ticket: "", uses: "3" };
  expect(requestOf({ ...form, ...rest }).max_uses).toBeNull();
  expect(requestOf({ ...form, ...rest, decision: "ALLOW" }).max_uses).toBe(3);
});
