import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { expect, test } from "vitest";

import type { Change } from "../../api/release";
import { answerWith } from "../../testing/gateway";
import { ChangesPanel } from "./ChangesPanel";

const DEPLOY: Change = {
  id: "01",
  service_name: "checkout",
  at: "2026-11-23T06:40:00Z",
  kind: "deploy",
  version: "1.42.0",
  actor: "ana",
  reported_by: "key/pipeline",
  url: "https://ci.example/8812",
  note: "",
  source: "pipeline",
  received_at: "2026-11-23T06:40:01Z",
};
const NOTE: Change = {
  ...DEPLOY,
  id: "02",
  kind: "note",
  version: "",
  actor: "",
  url: "",
  note: "sale until noon: five times the traffic",
};

function show(changes: Change[]) {
  answerWith({ "/api/changes": changes });
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <QueryClientProvider client={queries}>
      <MemoryRouter initialEntries={["/services/checkout?range=7+d"]}>
        <ChangesPanel service="checkout" />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

test("changes and notes say what, who and where it is described", async () => {
  show([NOTE, DEPLOY]);
  const [note, deploy] = await screen.findAllByRole("listitem");
  expect(note?.textContent).toContain("note: sale until noon: five times the traffic, by pipeline");
  expect(deploy?.textContent).toContain("deploy 1.42.0, by ana details");
  expect(screen.getByRole("link").getAttribute("href")).toBe("https://ci.example/8812");
  expect(screen.getByRole("heading").textContent).toBe("Changes and notes of the last 7 d");
});

test("what is not all of it says so", async () => {
  show(Array.from({ length: 100 }, (_, n) => ({ ...DEPLOY, id: String(n) })));
  expect(await screen.findByText("These are the newest 100.")).toBeTruthy();
});
