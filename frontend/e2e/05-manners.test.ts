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

const DAY = 86_400_000;

/** A zone whose clocks have changed within the last days, if one of these is; else the first. */
function zoneOfAChange(days: number): string {
  const zones = ["America/New_York", "Europe/Berlin", "Australia/Sydney", "America/Santiago"];
  const offset = (timeZone: string, at: number) =>
    new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" })
      .formatToParts(at)
      .find((part) => part.type === "timeZoneName")?.value;
  const now = Date.now();
  const changed = zones.find((zone) => offset(zone, now) !== offset(zone, now - days * DAY));
  return changed ?? "America/New_York";
}

test("days on an axis are the reader's own, each once, also where clocks have changed", async () => {
  const view = await open(browser, "/settings", { timeZone: zoneOfAChange(30) });
  await view.getByRole("button", { name: "Times are UTC; show local times" }).click();
  await view.goto(`${BASE}/services/checkout?range=30+d`);
  const ticks = view
    .getByRole("region", { name: "Error budget" })
    .locator(".recharts-xAxis-tick-labels .recharts-cartesian-axis-tick-value");
  await ticks.first().waitFor();
  const labels = await ticks.allTextContents();
  expect(labels.length).toBeGreaterThan(2);
  expect(new Set(labels).size).toBe(labels.length);
  const year = new Date().getFullYear();
  const whole = Date.UTC(year + 1, 0) - Date.UTC(year, 0); // steps may lead into another year
  const dates = labels.map((label) => Date.parse(`${label} ${year} UTC`));
  const steps = dates.slice(1).map((date, i) => (date - (dates[i] ?? 0) + whole) % whole);
  expect(new Set(steps).size, labels.join(", ")).toBe(1);
  await view.context().close();
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
