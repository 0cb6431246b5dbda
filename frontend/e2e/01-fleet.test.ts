/** What a person does with the dashboard, in order, on one stack that begins empty. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { budget, burnRate } from "../src/lib/format";
import { DIRECTION_WORDS, direction } from "../src/lib/health";
import { eventually, expectInView, get, launch, minutes, open } from "./world";
import { overview, report, write } from "./world";

let browser: Browser;
let page: Page;
const rowOf = (name: string) => page.locator(`[data-service="${name}"]`);
const order = () =>
  page.locator("[data-service]").evaluateAll((rows) => rows.map((r) => r.dataset["service"]));

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, "/");
});
afterAll(async () => {
  await browser.close();
});

describe("a stack without a service", () => {
  test("says what to do next", async () => {
    await page.getByText("No service yet").waitFor();
    expect(await page.locator("pre").innerText()).toContain("/v1/events");
  });
});

describe("the overview", () => {
  test("shows services as they report, without being loaded again", async () => {
    await report([
      ...minutes("cart", 40, 1000, 0),
      ...minutes("checkout", 40, 1000, 0),
      ...minutes("search", 40, 1000, 1),
    ]);
    await eventually(async () => expect(await order()).toHaveLength(3));
    await rowOf("cart").getByText("SAFE").waitFor();
    await page.getByText("live", { exact: true }).waitFor();
  });

  test("ranks the burning service first within seconds of the fault", async () => {
    for (const name of ["cart", "checkout", "search"]) {
      const body = { tier: name === "checkout" ? 1 : 2, owner: "team-shop" };
      expect((await write("PUT", `/api/services/${name}`, body)).status).toBe(200);
    }
    await report(minutes("checkout", 3, 4000, 2000));
    await eventually(async () => expect((await order())[0]).toBe("checkout"));
    await rowOf("checkout").getByText("FREEZE", { exact: true }).waitFor();
  });

  test("answers at a glance: which is worst, is it getting worse, may it be deployed, why", async () => {
    expect(page.viewportSize()).toEqual({ width: 1440, height: 900 });
    const headline = page.getByTestId("headline");
    const verdict = rowOf("checkout").getByText("blocked", { exact: true });
    await verdict.waitFor();
    await eventually(async () => {
      const row = (await overview()).find((r) => r.service_name === "checkout");
      const towards = row && direction(row);
      expect(towards).toMatch(/worse|better|steady/);
      const words = await headline.innerText();
      expect(words).toMatch(/^checkout burns .* as fast as allowed/);
      expect(words).toContain(`is ${DIRECTION_WORDS[towards!]}.`);
      const release = await get<{ reasons: { message: string }[] }>("/api/release/checkout");
      const reason = rowOf("checkout").getByText(release.reasons[0]!.message);
      for (const seen of [headline, verdict, reason]) await expectInView(seen);
    });
    expect(await page.evaluate(() => scrollY)).toBe(0);
  });

  test("shows the figures of the REST answers", async () => {
    await eventually(async () => {
      for (const row of await overview()) {
        const shown = await rowOf(row.service_name).innerText();
        expect(shown).toContain(burnRate(row.composite_burn_rate));
        expect(shown).toContain(budget(row.error_budget_remaining));
      }
    });
  });

  test("keeps search and filters in the address", async () => {
    await page.getByLabel("Search services and owners").fill("car");
    await eventually(async () => expect(await order()).toEqual(["cart"]));
    expect(page.url()).toContain("q=car");
    await page.reload();
    await eventually(async () => expect(await order()).toEqual(["cart"]));
    await page.getByLabel("Search services and owners").fill("");
    await page.getByRole("button", { name: /FREEZE/ }).click();
    await eventually(async () => expect(await order()).toEqual(["checkout"]));
    await page.getByRole("button", { name: /FREEZE/ }).click();
  });

  test("is used by the keyboard alone", async () => {
    await page.locator("body").press("/");
    await page.keyboard.type("search");
    await eventually(async () => expect(await order()).toEqual(["search"]));
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "search", level: 1 }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Everything works by keyboard").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("1");
    await eventually(async () => expect(await order()).toHaveLength(3));
  });
});
