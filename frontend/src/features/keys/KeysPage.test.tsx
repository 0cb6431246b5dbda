import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { ApiKey } from "../../api/apiKeys";
import { client } from "../../api/client";
import { token } from "../../lib/token";
import { answerWith } from "../../testing/gateway";
import { KeysPage } from "./KeysPage";
import { requestOf, rotationOf, sentenceOf } from "./keyFields";

const KEY: ApiKey = {
  id: "4f1d09c2ab37",
  name: "ana",
  scopes: ["read", "operate"],
  max_count_per_report: null,
  state: "active",
  created_by: "bootstrap",
  created_at: "2026-11-23T06:40:00Z",
  expires_at: "2027-11-23T06:40:00Z",
  revoked_at: null,
  revoked_by: null,
  last_used_at: null,
  secrets: [{ created_at: "2026-11-23T06:40:00Z", expires_at: null }],
};
const TEXT = "blk_4f1d09c2ab37_secret";

beforeEach(() => token.set("an administrator's"));
afterEach(() => token.set(null));

function show() {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  answerWith({ "/api/keys": [KEY] });
  render(
    <QueryClientProvider client={queries}>
      <KeysPage />
    </QueryClientProvider>,
  );
}

function press(name: string) {
  fireEvent.click(screen.getByRole("button", { name }));
}

test("without a key nothing is asked for, and a key is asked for", () => {
  token.set(null);
  show();
  screen.getByText("Keys are shown to administrators");
  expect(client.GET).not.toHaveBeenCalled();
});

test("a key says what it opens, until when, and whether it was used", async () => {
  show();
  const row = (await screen.findByText("ana")).closest("li");
  expect(row?.textContent).toContain("read, operate");
  expect(row?.textContent).toMatch(/expires .*2027/);
  expect(row?.textContent).toContain("last used not since it is known");
});

test("a new key is asked for with its scopes, and its secret is shown once", async () => {
  const post = vi.spyOn(client, "POST").mockResolvedValue({ data: { ...KEY, key: TEXT } });
  show();
  await screen.findByText("ana");
  press("New key");
  fireEvent.change(screen.getByLabelText("Name"), { target: { value: " pipeline " } });
  fireEvent.click(screen.getByLabelText(/^ingest/));
  expect(screen.getByTestId("sentence").textContent).toBe(
    "Whoever has it may read figures and ask the gate; send events and changes; for 365 d. " +
      "What it does is written down as key/pipeline.",
  );
  press("Create");
  const shown = await screen.findByLabelText<HTMLInputElement>("Key");
  expect(shown.value).toBe(TEXT);
  expect(post).toHaveBeenCalledWith("/api/keys", {
    body: { name: "pipeline", scopes: ["read", "ingest"], expires_in_days: 365 },
  });
  press("I have it");
  expect(document.body.innerHTML).not.toContain(TEXT);
});

test("a rotation says what becomes of the present secret, and shows the new one", async () => {
  const post = vi.spyOn(client, "POST").mockResolvedValue({ data: { ...KEY, key: TEXT } });
  show();
  await screen.findByText("ana");
  press("Rotate …");
  fireEvent.change(screen.getByLabelText("The present secret ends"), { target: { value: "0" } });
  press("Rotate");
  await screen.findByDisplayValue(TEXT);
  const sent = { params: { path: { id: KEY.id } }, body: { overlap_hours: 0 } };
  expect(post).toHaveBeenCalledWith("/api/keys/{id}/rotate", sent);
});

test("a key is revoked after it was asked whether that is meant", async () => {
  const gone = vi.spyOn(client, "DELETE").mockResolvedValue({ data: undefined });
  show();
  await screen.findByText("ana");
  press("Revoke …");
  press("Revoke");
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(gone).toHaveBeenCalledWith("/api/keys/{id}", { params: { path: { id: KEY.id } } });
});

test("what is asked of a key is sent as it was typed", () => {
  expect(requestOf({ name: "a", days: " " }, ["admin"])).toEqual({
    name: "a",
    scopes: ["admin"],
    expires_in_days: null,
  });
  expect(sentenceOf({ name: "", days: "" }, [])).toContain("do nothing yet: tick a scope");
  expect(rotationOf(KEY, "24")).toBe(
    "ana gets a new secret, which is shown once; the present secret opens for 1 d more beside it.",
  );
  expect(rotationOf(KEY, "0")).toContain("opens nothing any more at once");
});
