import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test, vi } from "vitest";

import type { Silence } from "../../api/alerts";
import { client } from "../../api/client";
import { answerWith } from "../../testing/gateway";
import { SilenceDialog, sentenceOf } from "./SilenceDialog";
import { SilencesPanel } from "./SilencesPanel";

const NOTHING = "matches no alert and no service";

function silence(changes: Partial<Silence>): Silence {
  return {
    id: 1,
    state: "active",
    matchers: [{ name: "service", value: "cart", is_glob: false, is_equal: true }],
    starts_at: "2026-11-23T06:40:00Z",
    ends_at: "2026-11-23T07:40:00Z",
    created_by: "key/ines",
    on_behalf_of: "the payments team",
    comment: "works",
    created_at: "2026-11-23T06:40:00Z",
    expired_by: null,
    expired_on_behalf_of: null,
    matching_alerts: 1,
    matching_services: 2,
    warning: null,
    ...changes,
  };
}

function show(page: ReactNode) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(<QueryClientProvider client={queries}>{page}</QueryClientProvider>);
}

test.each([
  [{}, "1 open alert, 2 services"],
  [{ matching_alerts: 0, matching_services: 1 }, "0 open alerts, 1 service"],
  [{ matching_alerts: 0, matching_services: 0, warning: NOTHING }, NOTHING],
])("a silence that is %j says what it is about", async (changes, words) => {
  answerWith({ "/api/silences": [silence(changes)] });
  show(<SilencesPanel />);
  expect((await screen.findByText(words)).textContent).toContain(words);
});

test.each([
  [NOTHING, false],
  [null, true],
])("a new silence with the warning %j closes its dialog: %j", async (warning, closes) => {
  answerWith({});
  vi.spyOn(client, "POST").mockResolvedValue({ data: silence({ warning }) });
  const closed = vi.fn();
  show(<SilenceDialog matchers={[{ name: "service", value: "cart" }]} onClose={closed} />);
  fireEvent.change(screen.getByLabelText("Your name"), { target: { value: "ines" } });
  fireEvent.change(screen.getByLabelText("Why"), { target: { value: "works" } });
  fireEvent.click(screen.getByRole("button", { name: "Silence" }));
  if (closes) {
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  } else {
    expect((await screen.findByText(new RegExp(NOTHING))).isConnected).toBe(true);
    expect(closed).not.toHaveBeenCalled();
  }
});

test("a silence says what it will do", () => {
  const matchers = [
    { name: "service" as const, value: "cart" },
    { name: "alertname" as const, value: "burn" },
  ];
  const asked = { matchers, duration_minutes: 90, created_by: "ines", comment: "works" };
  expect(sentenceOf(asked)).toBe(
    "For 1 h 30 min from now nobody is notified of alerts whose service is cart and alertname is " +
      "burn. They are evaluated and shown all the same.",
  );
});

test("a value that was typed for one label is not taken for another", () => {
  answerWith({});
  show(<SilenceDialog onClose={vi.fn()} />);
  fireEvent.change(screen.getByLabelText("Is"), { target: { value: "cart" } });
  fireEvent.change(screen.getByLabelText("Label"), { target: { value: "team" } });
  expect(screen.getByLabelText<HTMLInputElement>("Is").value).toBe("");
});
