import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { expect, test } from "vitest";

import { answerWith } from "../../testing/gateway";
import { overriddenGate } from "../../testing/rows";
import { ServiceDecisions } from "./ServiceDecisions";

const ENTRY = {
  ...overriddenGate("ALLOW"),
  since: "2026-11-23T06:40:00Z",
  until: null,
  reasons: [{ code: "overridden", slo: null, message: "key/ana overrides until 07:10" }],
};

test("the history shows what was answered, by whom, and what became of the override", async () => {
  const used = { ...ENTRY.override, state: "used_up", uses: 1 };
  answerWith({
    "/api/release/{service_name}/history": [
      { ...ENTRY, override: used },
      {
        ...ENTRY,
        since: "2026-11-23T06:30:00Z",
        decision: "BLOCK",
        allowed: false,
        overridden: false,
        override: null,
      },
    ],
    "/api/release/{service_name}/override": [],
    "/api/loosenings": [],
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Tooltip.Provider>
        <ServiceDecisions service="cart" />
      </Tooltip.Provider>
    </QueryClientProvider>,
  );
  await screen.findByText("OVERRIDDEN, may deploy");
  screen.getByText("blocked");
  expect(document.body.textContent).toContain("override 3 by key/ana, used_up, used 1 of 1");
});
