import { render } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { expect, test } from "vitest";

import type { Alert } from "../../api/alerts";
import { AlertRow } from "./AlertRow";
import { inOrder } from "./AlertsPage";

function alert(changes: Partial<Alert>): Alert {
  return {
    id: 7,
    service_name: "cart",
    rule: "burn-rate",
    severity: "ticket",
    state: "firing",
    message: "cart burns",
    annotations: {},
    started_at: "2026-11-23T06:40:00Z",
    resolved_at: null,
    acknowledged_by: null,
    acknowledged_on_behalf_of: null,
    held_by: null,
    held_back: 0,
    slo: null,
    figures_at_firing: null,
    figures_now: null,
    ...changes,
  } as Alert;
}

function textOf(changes: Partial<Alert>): string | null {
  const nothing = () => undefined;
  const { container } = render(
    <MemoryRouter>
      <AlertRow
        alert={alert(changes)}
        active={false}
        open={false}
        onToggle={nothing}
        onAcknowledge={nothing}
        onSilence={nothing}
      />
    </MemoryRouter>,
  );
  return container.textContent;
}

test.each([
  [{ held_by: "inhibited", held_back: 1 }, "Suppressed by another alert (1 notification withheld)"],
  [{ held_by: "silenced", held_back: 2 }, "Suppressed by a silence (2 notifications withheld)"],
  [{ held_by: "cooldown" }, "Suppressed by the cooldown"],
  [{ held_back: 3 }, "Notified (3 notifications withheld)"],
  [
    { state: "acknowledged", acknowledged_by: "key/ana", acknowledged_on_behalf_of: "ana" },
    "acknowledged by key/ana",
  ],
  [
    { state: "acknowledged", acknowledged_by: "key/ci", acknowledged_on_behalf_of: "ana" },
    "acknowledged by key/ci on behalf of ana",
  ],
] as const)("an alert that is %j says so", (changes, words) =>
  expect(textOf(changes)).toContain(words),
);

const FIRED: Alert["figures_at_firing"] = {
  evaluated_at: "2026-11-23T06:40:00Z",
  data_status: "ok",
  risk_level: "FREEZE",
  burn_rate_5m: 40,
  burn_rate_1h: 15,
  burn_rate_24h: 1,
  composite_burn_rate: 21.5,
  error_budget_remaining: 0.5,
  snapshot_id: "1.1795416000000000",
  composite_burn_rate_least: null,
  error_budget_remaining_most: null,
};

test("the text of an alert says of which moment it is, since the figures go on", () => {
  const annotations = { figures_at: "2026-11-23T06:40:00+00:00" };
  const text = textOf({ annotations, message: "checkout burns its error budget" });
  expect(text).toMatch(/23 Nov.*: checkout burns its error budget/);
});

test("what is uncertain is a range, at firing and now", () => {
  const unsure = { ...FIRED, composite_burn_rate_least: 3, error_budget_remaining_most: 0.75 };
  const text = textOf({ figures_at_firing: FIRED, figures_now: unsure });
  expect(text).toContain("composite 21.5× → 3.00× to 21.5×");
  expect(text).toMatch(/budget left 50.% → 50.% to 75.%/);
});

test("an open alert shows its objective, and its figures now beside those at firing", () => {
  const now = { ...FIRED, risk_level: "OBSERVE", composite_burn_rate: 1.2 } as const;
  const text = textOf({ slo: "fast", figures_at_firing: FIRED, figures_now: now });
  expect(text).toContain("burn-rate, fast");
  expect(text).toContain("At firing → now:");
  expect(text).toContain("level FREEZE → OBSERVE");
  expect(text).toContain("composite 21.5× → 1.20×");
});

test("figures that say nothing of the present are named so", () => {
  const now = { ...FIRED, data_status: "lagging" } as const;
  expect(textOf({ figures_at_firing: FIRED, figures_now: now })).toContain("now (lagging)");
});

test("an alert that has ended keeps the figures at its firing", () => {
  const text = textOf({ state: "resolved", figures_at_firing: FIRED });
  expect(text).toContain("At firing:level FREEZEcomposite 21.5×");
});

test("an alert that nothing was withheld of says nothing of it", () =>
  expect(textOf({})).not.toMatch(/Suppressed|Notified/));

test("what fires comes first, then the more severe, then the newer", () => {
  const alerts = [
    alert({ id: 1, state: "resolved", severity: "page" }),
    alert({ id: 2, state: "acknowledged", severity: "page" }),
    alert({ id: 3, severity: "info" }),
    alert({ id: 4, severity: "page" }),
    alert({ id: 5, severity: "page", started_at: "2026-11-23T07:00:00Z" }),
  ];
  expect(inOrder(alerts).map(({ id }) => id)).toEqual([5, 4, 3, 2, 1]);
});
