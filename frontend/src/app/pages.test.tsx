/** Every page while it loads, when the server fails, and where there is nothing to show yet. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { RouterProvider, createMemoryRouter } from "react-router-dom";
import { afterEach, describe, expect, test } from "vitest";

import { ProblemError } from "../api/client";
import { overviewRow } from "../testing/rows";
import { DECLARED, Headed, NOTHING, answerWith, failWith, neverAnswer } from "../testing/gateway";
import { pages } from "./router";

const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
afterEach(() => queries.clear());

async function show(path: string): Promise<void> {
  const router = createMemoryRouter(pages, { initialEntries: [path] });
  render(
    <QueryClientProvider client={queries}>
      <Tooltip.Provider>
        <RouterProvider router={router} />
      </Tooltip.Provider>
    </QueryClientProvider>,
  );
  await waitFor(() => expect(router.state.initialized).toBe(true));
}

interface Page {
  /** How many parts of it have data of their own, each of which may be late or fail. */
  parts: number;
  /** What it says where there is nothing. */
  empty: readonly string[];
  /** Where it leads to from there. */
  links: Readonly<Record<string, string>>;
}

const PAGES: Record<string, Page> = {
  "/": {
    parts: 1,
    empty: ["No service yet", "A service appears with its first event", "curl -s", "declare it"],
    links: { Settings: "/settings" },
  },
  "/alerts": {
    parts: 2,
    empty: [
      "Nothing fires",
      "Silence is no health",
      "Nothing is silenced: channels are notified of what fires.",
    ],
    links: { "the overview": "/" },
  },
  "/alerts?view=resolved": {
    parts: 2,
    empty: ["No alerts", "What has fired stands here for good"],
    links: { "See by which rules": "/settings?tab=rules" },
  },
  "/releases": {
    parts: 2,
    empty: ["No service yet", "curl -s", "None is in force", "PUT /api/policies"],
    links: { Settings: "/settings" },
  },
  "/audit": {
    parts: 1,
    empty: ["Nothing has been written yet", "stands here for good"],
    links: {},
  },
  "/audit?person=nobody": { parts: 1, empty: ["No entry matches"], links: {} },
  "/settings": {
    parts: 1,
    empty: ["No service yet", "first event", "New service"],
    links: {},
  },
  "/settings?tab=ingest": {
    parts: 3,
    empty: [
      "Nobody counts yet",
      "burnline status",
      "Every record that came could be read.",
      "Nothing has arrived yet",
      "curl -s",
    ],
    links: {},
  },
  "/settings?tab=rules": {
    parts: 1,
    empty: ["No rule", "Without one nothing fires", "POST /api/rules"],
    links: {},
  },
  "/settings?tab=channels": {
    parts: 1,
    empty: ["Nobody is notified of anything", "New channel"],
    links: { rules: "/settings?tab=rules" },
  },
};
const DOWN = new ProblemError(503, "database_unavailable", "The database does not answer", "id-7");

describe.each(Object.entries(PAGES))("%s", (path, { parts, empty, links }) => {
  test("each part says that it loads, and claims nothing meanwhile", async () => {
    neverAnswer();
    await show(path);
    await waitFor(() =>
      expect(screen.getAllByRole("status", { name: "Loading" })).toHaveLength(parts),
    );
    expect(screen.queryByRole("alert")).toBeNull();
    for (const claim of empty.filter((text) => !text.startsWith("New "))) {
      expect(document.body.textContent).not.toContain(claim);
    }
  });

  test("each part says what went wrong, and is read again when asked to", async () => {
    failWith(DOWN);
    await show(path);
    await waitFor(() => expect(screen.getAllByText(DOWN.message)).toHaveLength(parts));
    expect(screen.getAllByText("request id-7")).toHaveLength(parts);
    answerWith(NOTHING);
    for (const button of screen.getAllByRole("button", { name: "Try again" })) button.click();
    await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
    expect(document.body.textContent).toContain(empty[0]);
  });

  test("says what there is to do where there is nothing", async () => {
    answerWith(NOTHING);
    await show(path);
    await waitFor(() => {
      for (const text of empty) expect(document.body.textContent).toContain(text);
    });
    for (const [name, target] of Object.entries(links)) {
      expect(screen.getByRole("link", { name }).getAttribute("href")).toBe(target);
    }
    expect(screen.queryByRole("status", { name: "Loading" })).toBeNull();
  });
});

describe("/services/cart", () => {
  test("loads, fails and is read again as a whole", async () => {
    neverAnswer();
    await show("/services/cart");
    await screen.findByRole("status", { name: "Loading" });
    queries.clear();
    failWith(DOWN);
    cleanup();
    await show("/services/cart");
    await screen.findByText(DOWN.message);
    answerWith(DECLARED);
    screen.getByRole("button", { name: "Try again" }).click();
    await screen.findByRole("heading", { name: "cart", level: 1 });
  });

  test("a part that fails leaves the others as they are", async () => {
    answerWith({ ...DECLARED, "/api/forecast/{service_name}": DOWN });
    await show("/services/cart");
    await screen.findByText(DOWN.message);
    screen.getByText("nothing has been counted");
    expect(screen.getAllByRole("alert")).toHaveLength(1);
  });

  test("one that was declared claims no figure, and says what is missing", async () => {
    answerWith(DECLARED);
    await show("/services/cart");
    await screen.findByText("No counts in this span");
    for (const text of [
      "this service has never reported",
      "default objective: set a target of your own below",
      "Choose a longer span, or send events.",
      "There is none of this objective yet",
      "No target is set, so the default one is used",
      "nothing has been counted",
    ]) {
      await waitFor(() => expect(document.body.textContent).toContain(text));
    }
    expect(document.querySelectorAll(".bg-safe, .text-safe-ink")).toHaveLength(0);
    screen.getByRole("button", { name: "History" }).click();
    await screen.findByText(/None is stored yet/);
    await screen.findByText("Nobody has overridden the gate here.");
  });

  test("one that nobody knows leads to those there are, and to where it is declared", async () => {
    failWith(new ProblemError(404, "unknown_service", "There is no service `cart`", null));
    await show("/services/cart");
    await screen.findByText("There is no service cart");
    expect(screen.getByRole("link", { name: "declare it" }).getAttribute("href")).toBe("/settings");
    expect(screen.getByRole("link", { name: "Those there are" }).getAttribute("href")).toBe("/");
  });
});

describe("alerts that are evaluated no more", () => {
  const at = "2026-11-23T06:40:00+00:00";
  const lagging = { "Alerts-Status": "lagging", "Alerts-Confirmed-At": at };

  test("are no list in which nothing fires", async () => {
    answerWith({ ...NOTHING, "/api/alerts": new Headed([], lagging) });
    await show("/alerts");
    await screen.findByText(/Alerts have not been evaluated since .*: what has begun since/);
    screen.getByText("Nobody knows whether anything fires");
    expect(document.body.textContent).not.toContain("Nothing fires");
  });

  test("are said to be so where they never were", async () => {
    answerWith({ ...NOTHING, "/api/alerts": new Headed([], { "Alerts-Status": "lagging" }) });
    await show("/alerts");
    await screen.findByText(/Alerts have never been evaluated/);
  });

  test("are said to be so beside a service's charts", async () => {
    answerWith({ ...DECLARED, "/api/alerts/{service_name}": new Headed([], lagging) });
    await show("/services/cart");
    await screen.findByText(/Alerts have not been evaluated since/);
  });
});

test("where no service matches, all are one click away", async () => {
  answerWith({
    ...NOTHING,
    "/api/overview": { hours_end: [], services: [overviewRow("cart"), overviewRow("login")] },
  });
  await show("/?q=nothing-like-it&level=FREEZE");
  await screen.findByText("No service matches");
  screen.getByRole("button", { name: "Show all 2" }).click();
  await screen.findByText("2 services");
  expect(screen.queryByText("No service matches")).toBeNull();
});
