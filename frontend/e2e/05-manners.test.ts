/** Every page in both themes and several widths, and what the reader may choose. */

import { mkdirSync } from "node:fs";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { faultsOf } from "./axe";
import { BASE, eventually, launch, open, settled } from "./world";

const PAGES = {
  overview: "/",
  "heat-map": "/?view=heat",
  service: "/services/checkout",
  alerts: "/alerts?view=all",
  releases: "/releases",
  settings: "/settings",
  ingest: "/settings?tab=ingest",
  rules: "/settings?tab=rules",
  channels: "/settings?tab=channels",
  audit: "/audit",
  keys: "/keys",
} as const;
const PHOTOGRAPHED = Object.entries(PAGES).filter(([, path]) => !/rules|channels/.test(path));
const THEMES = ["light", "dark"] as const;
const SIZES = [
  [360, 740],
  [1440, 900],
  [2560, 1440],
] as const;

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await launch();
  page = await open(browser, "/no-such-page");
});
afterAll(async () => {
  await browser.close();
});

describe.each(Object.entries(PAGES))("%s", (_, path) => {
  test("has no serious fault for assistive technology in either theme, and fits a phone", async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(BASE + path);
    await settled(page);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await page.locator(`html[data-theme=${colorScheme}]`).waitFor();
      expect(await faultsOf(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    // charts learn of their new width from an observer, a moment after the page has it
    await eventually(async () => {
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(360);
    });
  });
});

test("dialogs have no serious fault, and keep the keyboard", async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${BASE}/settings`);
  await settled(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  expect(await faultsOf(page)).toEqual([]);
  for (let i = 0; i < 4; i += 1) await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.closest("[role=dialog]") !== null)).toBe(
    true,
  );
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("times are those of the zone that the reader chose, and a wall has no header", async () => {
  await page.goto(`${BASE}/settings`);
  await page.getByRole("button", { name: "Times are UTC; show local times" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Times are local; show UTC times" }).click();
  await page.goto(`${BASE}/?wall=1`);
  await page.getByTestId("headline").waitFor();
  expect(await page.getByRole("navigation", { name: "Pages" }).count()).toBe(0);
});

const folder = process.env["BURNLINE_SCREENSHOTS"];

// pictures are looked at by people; where nobody asks for them there is nothing to test
if (folder !== undefined) {
  test.each(PHOTOGRAPHED)("%s is photographed", async (name, path) => {
    mkdirSync(folder, { recursive: true });
    for (const theme of THEMES) {
      for (const [width, height] of SIZES) {
        const view = await open(browser, path, { theme, width, height });
        await settled(view);
        await view.screenshot({ path: `${folder}/${name}-${theme}-${width}.png` });
        await view.context().close();
      }
    }
  });
}
