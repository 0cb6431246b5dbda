/** What a person does with the dashboard, in order, on one stack that begins empty. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { budget, burnRate } from "../src/lib/format";
import { BASE, TOKEN, eventually, get, launch, minutes, open, report, write } from "./world";

interface Row {
  service_name: string;
  risk_level: string;
  data_status: string;
  composite_burn_rate: number;
  error_budget_remaining: number;
  decision: { decision: string; reason: string | null } | null;
}

let browser: Browser;
let page: Page;
const overview = async () => (await get<{ services: Row[] }>("/api/overview")).services;
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
    const begun = Date.now();
    await report(minutes("checkout", 3, 4000, 2000));
    await eventually(async () => expect((await order())[0]).toBe("checkout"));
    expect(Date.now() - begun).toBeLessThan(15_000);
    await rowOf("checkout").getByText("FREEZE", { exact: true }).waitFor();
  });

  test("answers at a glance: which is worst, is it getting worse, may it be deployed, why", async () => {
    const headline = page.getByTestId("headline");
    await eventually(async () => {
      const text = await headline.innerText();
      expect(text).toMatch(/^checkout burns .* as fast as allowed/);
      expect(text).toMatch(/getting worse|recovering|steady/);
    });
    await eventually(async () => {
      const shown = await rowOf("checkout").innerText();
      const row = (await overview()).find((r) => r.service_name === "checkout");
      expect(shown).toContain("blocked");
      expect(row?.decision?.reason).toBeTruthy();
      expect(shown).toContain(row?.decision?.reason);
    });
    for (const seen of [headline, rowOf("checkout")]) {
      const box = await seen.boundingBox();
      expect((box?.y ?? 900) + (box?.height ?? 0)).toBeLessThanOrEqual(900);
    }
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

describe("the service page", () => {
  test("shows budget, burn rates and counts, each as a table too", async () => {
    await page.goto(`${BASE}/services/checkout?range=6+h`);
    for (const title of ["Error budget", "Burn rates", "Requests in each 1 min"]) {
      const panel = page.getByRole("region", { name: title, exact: true });
      await panel.locator("svg.recharts-surface").first().waitFor();
      await panel.getByRole("button", { name: "Table" }).click();
      expect(await panel.getByRole("row").count()).toBeGreaterThan(30);
      await panel.getByRole("button", { name: "Chart" }).click();
    }
  });

  test("asks for the token where a change needs one, and lets the gate be overridden", async () => {
    await page.getByRole("button", { name: "Override …" }).click();
    await page.locator("input[type=password]").fill(TOKEN);
    await page.getByRole("button", { name: "Use it" }).click();
    await page.getByLabel("Your name").fill("ana");
    await page.getByLabel("Reason").fill("hotfix for the payment outage");
    await page.getByLabel("Ends after minutes").fill("1");
    await page.getByRole("button", { name: "Override", exact: true }).click();
    await page.getByText("ana: hotfix for the payment outage").first().waitFor();
  });

  test("shows what a target would have meant, and takes it", async () => {
    await page.getByRole("button", { name: "New target" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("requests succeed");
    await dialog.getByLabel("Objective, %").fill("99.5");
    const preview = page.getByTestId("preview");
    await eventually(async () =>
      expect(await preview.innerText()).toMatch(/At 99\.5.% over 30 days .* spent/),
    );
    await dialog.getByRole("button", { name: "Create" }).click();
    await page.getByRole("button", { name: "Edit requests succeed" }).click();
    await dialog.getByLabel("Objective, %").fill("99.95");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    const targets = await get<{ objective: number }[]>("/api/slo/checkout/targets");
    expect(targets.map((target) => target.objective)).toEqual([0.9995]);
    await page.getByRole("region", { name: "Targets" }).getByText("99.95").waitFor();
  });
});

describe("alerts", () => {
  test("are taken on by keyboard", async () => {
    await page.keyboard.press("2");
    await page.getByRole("heading", { name: "Alerts", exact: true }).waitFor();
    const firing = page.getByRole("listitem").filter({ hasText: "firing" });
    await firing.first().waitFor({ timeout: 50_000 });
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await page.getByLabel("Comment").fill("looking at it");
    await page.getByRole("button", { name: "Acknowledge", exact: true }).last().click();
    await page.getByText("taken on by ana").first().waitFor();
    const alerts = await get<{ state: string; acknowledged_by: string | null }[]>("/api/alerts");
    expect(alerts.some((alert) => alert.acknowledged_by === "ana")).toBe(true);
  });
});

describe("releases", () => {
  test("show the override until it ends by itself", async () => {
    await page.goto(`${BASE}/releases`);
    await page.getByText("ana override.created").first().waitFor();
    const allowed = async () =>
      (await get<{ override: object | null }>("/api/release/checkout")).override;
    await eventually(async () => expect(await allowed()).toBeNull(), 70);
    const row = page.getByRole("listitem").filter({ hasText: "checkout" }).first();
    await row.getByText("blocked").waitFor();
  });
});
