import { expect, test } from "vitest";

import { correctedEvent, readable } from "./replay";

const original = readable('{"service":"Check Out","total":9}');

test("a record is shown so that it can be read", () => {
  expect(original).toBe('{\n  "service": "Check Out",\n  "total": 9\n}');
  expect(readable("not { json")).toBe("not { json");
});

test("what nobody has changed is sent as it was", () => {
  expect(correctedEvent(`${original}\n`, original)).toBeNull();
});

test("what is changed is sent in its place", () => {
  const text = original.replace("Check Out", "checkout");
  expect(correctedEvent(text, original)).toEqual({ service: "checkout", total: 9 });
});

test.each(["", "{", "[]", "null", "7"])("%j is no record", (text) =>
  expect(() => correctedEvent(text, original)).toThrow("A record is one JSON object"),
);
