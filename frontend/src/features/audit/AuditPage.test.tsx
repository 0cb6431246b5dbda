import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { expect, test, vi } from "vitest";

import type { AuditEntry } from "../../api/audit";
import { client } from "../../api/client";
import { AuditPage } from "./AuditPage";

const ENTRY: AuditEntry = {
  id: 12,
  at: "2026-11-23T06:40:00Z",
  actor: "key/ana",
  credential: "key/4f1d09c2ab37",
  on_behalf_of: "ines",
  action: "target.changed",
  subject: "target/3",
  service_name: "cart",
  reason: "the promise was too strict",
  changes: [
    { field: "objective", old: "0.999", new: "0.99" },
    { field: "threshold_seconds", old: null, new: 0.5 },
  ],
  href: "/api/slo/cart/targets",
  details: {},
  previous_hash: "0".repeat(64),
  hash: "f".repeat(64),
};

function show(path: string, answer: (query: Record<string, unknown>) => AuditEntry[]) {
  const get = vi.spyOn(client, "GET").mockImplementation((async (
    _: string,
    { params }: { params: { query: Record<string, unknown> } },
  ) => {
    await Promise.resolve();
    const more = params.query["cursor"] === undefined;
    const headers = new Headers(more ? { Link: '</api/audit?cursor=older>; rel="next"' } : {});
    return { data: answer(params.query), response: new Response(null, { headers }) };
  }) as never);
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <MemoryRouter initialEntries={[path]}>
        <AuditPage />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return get;
}

test("an entry says who, for whom, what, why, and each value before and since", async () => {
  show("/audit", () => [ENTRY]);
  const row = (await screen.findByText("target.changed", { exact: false })).closest("li");
  expect(row?.textContent).toContain("key/ana on behalf of ines target.changed target/3 of cart");
  expect(row?.textContent).toContain("the promise was too strict");
  expect(row?.textContent).toContain("objective0.999 → 0.99");
  expect(row?.textContent).toContain("threshold_seconds0.5");
  expect(row?.textContent).toContain("credential key/4f1d09c2ab37");
  expect(screen.getByRole("link").getAttribute("href")).toBe("/services/cart");
});

test("what the address asks for is asked of the server, and a field changes it", async () => {
  const get = show("/audit?object_type=target&person=ana", () => [ENTRY]);
  await screen.findByText("key/ana on behalf of ines");
  expect(get).toHaveBeenLastCalledWith(
    "/api/audit",
    expect.objectContaining({
      params: { query: { object_type: "target", person: "ana", limit: 50 } },
    }),
  );
  fireEvent.change(screen.getByLabelText("Action"), { target: { value: "changed" } });
  await vi.waitFor(() =>
    expect(get).toHaveBeenLastCalledWith(
      "/api/audit",
      expect.objectContaining({
        params: {
          query: { object_type: "target", person: "ana", action: "changed", limit: 50 },
        },
      }),
    ),
  );
});

test("older entries come when they are asked for, below those that are there", async () => {
  show("/audit", ({ cursor }) => [{ ...ENTRY, id: cursor === "older" ? 11 : 12 }]);
  fireEvent.click(await screen.findByRole("button", { name: "Show older ones" }));
  await screen.findByText("11");
  screen.getByText("12");
  expect(screen.queryByRole("button", { name: "Show older ones" })).toBeNull();
});

test("where nothing matches the page says so", async () => {
  show("/audit?person=nobody", () => []);
  await screen.findByText("No entry matches");
});
