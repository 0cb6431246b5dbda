import { cleanup, render, screen } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { MemoryRouter } from "react-router-dom";
import { describe, expect, test } from "vitest";

import type { OverviewRow } from "../../api/overview";
import { StaleContext } from "../../components/freshness";
import { overriddenGate, overviewRow } from "../../testing/rows";
import { ServiceRow } from "./ServiceRow";

const FIGURES = ["0.10×", "0.10×", "0.10×", "0.10×", "80\u202f%", "not within 30 days"];

function show(changes: Partial<OverviewRow> = {}, stale = false) {
  const decision = {
    ...overriddenGate("ALLOW"),
    reason: "calm",
    overridden: false,
    override: null,
  };
  const { container } = render(
    <StaleContext.Provider value={stale}>
      <Tooltip.Provider>
        <MemoryRouter>
          <ServiceRow row={overviewRow("cart", { decision, ...changes })} active={false} />
        </MemoryRouter>
      </Tooltip.Provider>
    </StaleContext.Provider>,
  );
  return container;
}

/** The colours that say that all is well. */
function greens(row: HTMLElement): number {
  return row.querySelectorAll(".bg-safe, .text-safe-ink").length;
}

test("what is known stands there plainly, with its colour", () => {
  const row = show();
  for (const figure of FIGURES) expect(row.textContent).toContain(figure);
  expect(row.querySelectorAll("[data-certainty=past]")).toHaveLength(0);
  // level, budget and decision
  expect(greens(row)).toBe(3);
});

describe.each(["lagging", "stale", "no_traffic"] as const)("%s", (data_status) => {
  test("every figure says that it was, and only the decision, which has a clock, is green", () => {
    const row = show({ data_status });
    const past = [...row.querySelectorAll("[data-certainty=past]")].map((e) => e.textContent);
    expect(past).toEqual(FIGURES.map((figure) => `was ${figure}`));
    expect(row.querySelector("[data-fill]")?.className).toContain("bg-unknown");
    expect(greens(row)).toBe(1);
  });
});

test("a page that hears nothing has no green and no plain figure", () => {
  const row = show({}, true);
  expect(greens(row)).toBe(0);
  expect(row.querySelectorAll("[data-certainty=past]")).toHaveLength(FIGURES.length);
  screen.getByText(/was: calm/);
});

test("before anything has been counted there are no figures at all", () => {
  const row = show({ data_status: "lagging", bad_events_left: null, decision: null });
  expect(row.textContent).not.toContain("0.10");
  expect(row.textContent).not.toContain("80");
  expect(screen.getByRole("img", { name: "budget not known" }).querySelector("[data-fill]")).toBe(
    null,
  );
  expect(greens(row)).toBe(0);
});

test("an overridden freeze has neither the look nor the words of health", () => {
  const row = show({ risk_level: "FREEZE", decision: overriddenGate("ALLOW") });
  const badge = screen.getByText(/^OVERRIDDEN/);
  expect(badge.className).toContain("text-overridden-ink");
  expect(badge.textContent).toBe("OVERRIDDEN, may deploy");
  screen.getByText(/key\/ana, (29|30) min left, used 0 of 1: hotfix for the payment outage/);
  // the budget alone
  expect(greens(row)).toBe(1);
});

test("a reason by other figures than those beside it says of when they are", () => {
  const decision = { ...overriddenGate("BLOCK"), overridden: false, override: null };
  show({ decision: { ...decision, reason: "burns 10.3 times as fast as allowed" } });
  expect(screen.queryByText(/:\d\d:\d\d/)).toBeNull();
  cleanup();
  show({ decision: { ...decision, snapshot_id: "1.1795415990000000" } });
  screen.getByText(/^\d\d:39:50$/);
});
