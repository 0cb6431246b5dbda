import { expect, test } from "vitest";

import { agrees, type Narrative } from "./summary";

const shown = { risk_level: "FREEZE", data_status: "ok", decision_id: "01JD3Z" } as const;
const text = { ...shown } as Narrative;

test("a text of the same state and decision stays", () => {
  expect(agrees(text, shown)).toBe(true);
  expect(agrees(text, { ...shown, decision_id: undefined })).toBe(true);
});

test.each([{ risk_level: "SAFE" }, { data_status: "lagging" }, { decision_id: "01JD40" }] as const)(
  "a text of before %j is read again",
  (change) => expect(agrees(text, { ...shown, ...change })).toBe(false),
);
