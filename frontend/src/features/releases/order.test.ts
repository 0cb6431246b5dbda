import { expect, test } from "vitest";

import { overriddenGate, overviewRow } from "../../testing/rows";
import { byUrgency } from "./order";

const gate = (decision: "ALLOW" | "WARN" | "BLOCK" | "UNKNOWN") => ({
  ...overriddenGate(decision),
  overridden: false,
  override: null,
});

test("an overridden freeze stands right behind what is blocked, not among the calm rows", () => {
  const rows = [
    overviewRow("calm", { decision: gate("ALLOW") }),
    overviewRow("a-critical-one", { tier: 1, decision: gate("ALLOW") }),
    overviewRow("warned", { decision: gate("WARN") }),
    overviewRow("new"),
    overviewRow("overridden", { risk_level: "FREEZE", decision: overriddenGate("ALLOW") }),
    overviewRow("blocked", { decision: gate("BLOCK") }),
  ];
  expect([...rows].sort(byUrgency).map((row) => row.service_name)).toEqual([
    "blocked",
    "overridden",
    "new",
    "warned",
    "a-critical-one",
    "calm",
  ]);
});
