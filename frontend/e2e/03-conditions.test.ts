/** What is shown when the server fails, when there is much of everything, and of the token. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { overviewRow } from "../src/testing/rows";
import { BASE, TOKEN, eventually, launch, minutes, open, report } from "./world";

const FIGURES_IN_A_ROW = 6;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
  // what was sent when all began may be minutes old by now
  await report(["cart", "search"].flatMap((name) => minutes(name, 1, 1000, 0)));
});
afterAll(async () => {
  await browser.close();
});

describe("when the server fails", () => {
  test("nothing is shown green that is no longer known, and the page says how old it is", async () => {
    const page = await open(browser, "/");
    await page.getByText("SAFE").nth(1).waitFor();
    await page.clock.install();
    await page.route("**/api/**", (route) => route.abort());
    // the stream that is open already does not pass the route; its silence is noticed
    await page.clock.fastForward(60_000);
    await page.getByRole("alert").getByText("The server does not answer").waitFor();
    const words = (await page.locator("[data-service]").allInnerTexts()).join(" ");
    expect(words).toContain("not current");
    expect(words).not.toMatch(/SAFE|may deploy/);
    // every figure says that it was; nothing has the colour of what is well
    const figures = await page.locator("[data-service] [data-certainty=past]").allInnerTexts();
    const rows = await page.locator("[data-service]").count();
    expect(rows).toBeGreaterThanOrEqual(3);
    expect(figures).toHaveLength(rows * FIGURES_IN_A_ROW);
    expect(await page.locator("[data-service]").locator(".bg-safe, .text-safe-ink").count()).toBe(
      0,
    );
    expect(await page.getByTestId("headline").innerText()).toBe(
      `Nothing is known of ${rows} services now.`,
    );
    await page.context().close();
  });

  test("without the stream the page asks, and says so", async () => {
    const page = await open(browser, "/no-such-page");
    await page.route("**/api/stream", (route) => route.abort());
    await page.goto(BASE);
    await page.getByText("The live stream is down; the page asks every 10 s instead.").waitFor();
    await page.getByText("polling", { exact: true }).waitFor();
    // what is asked for is known all the same
    await page.locator("[data-service]").getByText("SAFE").first().waitFor();
    await page.context().close();
  });

  test("says what went wrong, and reads again when asked to", async () => {
    const page = await open(browser, "/no-such-page");
    await page.route("**/api/slo/**", (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        headers: { "X-Request-ID": "a-request" },
        json: { status: 503, code: "database_unavailable", detail: "The database does not answer" },
      }),
    );
    await page.goto(`${BASE}/services/checkout`);
    await page.getByText("The database does not answer").waitFor({ timeout: 30_000 });
    await page.getByText("a-request").waitFor();
    await page.unroute("**/api/slo/**");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "checkout", level: 1 }).waitFor();
    await page.context().close();
  });

  test("a slow answer leaves its place free", async () => {
    const page = await open(browser, "/no-such-page");
    await page.route("**/api/overview", async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await route.continue();
    });
    await page.goto(BASE);
    await page.getByRole("status", { name: "Loading" }).waitFor();
    await page.getByTestId("headline").waitFor();
    await page.context().close();
  });
});

/** What the stream says first, and what it says to somebody who has the token. */
async function beginningOfStream(): Promise<string> {
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const response = await fetch(`${BASE}/api/stream`, {
    headers,
    signal: AbortSignal.timeout(60_000),
  });
  const reader = response.body!.getReader();
  const bytes: Uint8Array[] = [];
  for (let i = 0; i < 2; i += 1) bytes.push((await reader.read()).value!);
  await reader.cancel();
  return Buffer.concat(bytes).toString();
}

describe("the token", () => {
  test("is in no byte that the server sends, and leaves the address at once", async () => {
    const page = await open(browser, "/no-such-page");
    const bodies: Promise<string>[] = [];
    // an answer that the next page cuts off never ends: only whole ones have a body to look at
    page.on("requestfinished", (request) => {
      const body = request.response().then((response) => response?.text() ?? "");
      bodies.push(body.catch(() => ""));
    });
    await page.goto(`${BASE}/#token=${TOKEN}`);
    await page.reload();
    await page.getByTestId("headline").waitFor();
    await page.goto(`${BASE}/settings`);
    await page.getByText("can write").waitFor();
    expect(page.url()).not.toContain(TOKEN);
    const sent = await Promise.all(bodies);
    expect(sent.length).toBeGreaterThan(5);
    sent.push(await beginningOfStream());
    expect(sent.filter((body) => body.includes(TOKEN))).toEqual([]);
    await page.context().close();
  });
});

/** Rows whose content does not fit the height that was computed for them. */
function cutOff(rows: Element[]): string[] {
  return rows
    .filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      const shown = [...row.children].map((cell) => cell.getBoundingClientRect());
      return shown.some((cell) => cell.height > 0 && (cell.top < top || cell.bottom > bottom));
    })
    .map((row) => row.textContent);
}

describe("many services", () => {
  const names = Array.from({ length: 500 }, (_, i) => `service-${String(i).padStart(3, "0")}`);
  const blocked = {
    decision: "BLOCK" as const,
    allowed: false,
    reason: "a reason that is longer than a line of the list has room for, ".repeat(4),
    overridden: false,
    override: null,
    decision_id: "01JD3Z",
    snapshot_id: null,
  };
  const answer = {
    hours_end: [],
    services: names.map((name, i) =>
      overviewRow(name, {
        composite_burn_rate: 0.9 - i / 1000,
        owner: `team-${i % 7}`,
        decision: i % 2 === 0 ? blocked : { ...blocked, decision: "ALLOW", allowed: true },
      }),
    ),
  };

  test("are listed, searched, sorted and walked through, with few of them in the document", async () => {
    const page = await open(browser, "/no-such-page");
    await page.route("**/api/overview", (route) => route.fulfill({ json: answer }));
    await page.goto(BASE);
    const rows = page.locator("[data-service]");
    const order = () => rows.evaluateAll((all) => all.map((row) => row.dataset["service"]));
    await page.getByText("500 services", { exact: true }).waitFor();
    await eventually(async () => expect((await order())[0]).toBe("service-000"));
    expect(await rows.count()).toBeLessThan(60);
    for (const width of [360, 800, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await eventually(async () => expect(await rows.evaluateAll(cutOff)).toEqual([]));
    }
    for (let i = 0; i < 40; i += 1) await page.keyboard.press("j");
    await page.locator("[data-service=service-039]").waitFor();
    await eventually(async () => expect(await page.evaluate(() => scrollY)).toBeGreaterThan(0));
    await page.keyboard.press("/");
    await page.keyboard.type("team-6");
    await page.getByText("71 of 500", { exact: true }).waitFor();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("service-499");
    await eventually(async () => expect(await order()).toEqual(["service-499"]));
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await page.getByText("500 services", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Heat map" }).click();
    await page.getByText("The first 150 of 500 services").waitFor();
    await page.context().close();
  });
});
