/** Every page in both themes and several widths, and what is shown when the server fails. */

import { mkdirSync } from "node:fs";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { faultsOf } from "./axe";
import { BASE, TOKEN, eventually, launch, open } from "./world";

const PAGES = {
  overview: "/",
  "heat-map": "/?view=heat",
  service: "/services/checkout",
  alerts: "/alerts?view=all",
  releases: "/releases",
  settings: "/settings",
  ingest: "/settings?tab=ingest",
} as const;
const THEMES = ["light", "dark"] as const;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});

/** Nothing waits for an answer any more. */
async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
  await eventually(async () => expect(await page.getByRole("status").count()).toBe(0));
}

describe.each(Object.entries(PAGES))("%s", (name, path) => {
  test("has no serious fault for assistive technology in either theme, and fits a phone", async () => {
    const page = await open(browser, path, { theme: "light" });
    await settled(page);
    expect(await faultsOf(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await faultsOf(page)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    // charts learn of their new width from an observer, a moment after the page has it
    await eventually(async () => {
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(360);
    });
    await page.context().close();
  });

  test("is photographed where a folder is given", async () => {
    const folder = process.env["BURNLINE_SCREENSHOTS"];
    for (const theme of folder === undefined ? [] : THEMES) {
      for (const [width, height] of [
        [360, 740],
        [1440, 900],
        [2560, 1440],
      ] as const) {
        const page = await open(browser, path, { theme, width, height });
        await settled(page);
        mkdirSync(String(folder), { recursive: true });
        await page.screenshot({ path: `${String(folder)}/${name}-${theme}-${width}.png` });
        await page.context().close();
      }
    }
    expect(PAGES).toHaveProperty([name]);
  });
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
    const words = await page.locator("[data-service]").allInnerTexts();
    expect(words.join(" ")).toContain("not current");
    expect(words.join(" ")).not.toContain("SAFE");
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

describe("the token", () => {
  test("is in no byte that the server sends, and leaves the address at once", async () => {
    const page = await open(browser, "/no-such-page");
    const bodies: Promise<string>[] = [];
    page.on("response", (response) => {
      if (!response.url().includes("/api/stream")) bodies.push(response.text().catch(() => ""));
    });
    await page.goto(`${BASE}/#token=${TOKEN}`);
    await page.reload();
    await page.getByTestId("headline").waitFor();
    await page.goto(`${BASE}/settings`);
    await page.getByText("can write").waitFor();
    expect(page.url()).not.toContain(TOKEN);
    const sent = await Promise.all(bodies);
    expect(sent.length).toBeGreaterThan(5);
    expect(sent.filter((body) => body.includes(TOKEN))).toEqual([]);
    await page.context().close();
  });
});
