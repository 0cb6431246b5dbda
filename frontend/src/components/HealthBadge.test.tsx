import { render, screen } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { expect, test } from "vitest";

import { StaleContext } from "./freshness";
import { HealthBadge } from "./HealthBadge";

function show(stale: boolean, status: "ok" | "stale") {
  render(
    <StaleContext.Provider value={stale}>
      <Tooltip.Provider>
        <HealthBadge level="SAFE" status={status} />
      </Tooltip.Provider>
    </StaleContext.Provider>,
  );
}

test("a level is a word, with an icon beside it", () => {
  show(false, "ok");
  expect(screen.getByText("SAFE").querySelector("svg")).not.toBeNull();
});

test("figures that are old are no level", () => {
  show(false, "stale");
  expect(screen.queryByText("SAFE")).toBeNull();
  expect(screen.getByText("stale").className).toContain("unknown");
});

test("a page that hears nothing claims nothing", () => {
  show(true, "ok");
  expect(screen.queryByText("SAFE")).toBeNull();
  expect(screen.getByText("not current").className).toContain("unknown");
});
