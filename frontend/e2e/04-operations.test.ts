/** Alerts are acknowledged; channels, rules and dead letters are looked after under Settings. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { BASE, eventually, get, launch, open, reportDeployment } from "./world";

let browser: Browser;
let page: Page;
const region = (name: string) => page.getByRole("region", { name, exact: true });
const dialog = () => page.getByRole("dialog");

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, "/", { write: true });
  await page.getByTestId("headline").waitFor();
});
afterAll(async () => {
  await browser.close();
});

async function sign(reason?: string): Promise<void> {
  await dialog().getByLabel("Your name").fill("ana");
  if (reason !== undefined) await dialog().getByLabel("Reason").fill(reason);
}

async function confirm(verb: string): Promise<void> {
  await dialog().getByRole("button", { name: verb, exact: true }).click();
  await dialog().waitFor({ state: "detached" });
}

test("an alert is acknowledged by keyboard alone", async () => {
  await page.keyboard.press("2");
  await page.getByRole("heading", { name: "Alerts", exact: true }).waitFor();
  const firing = page.getByRole("listitem").filter({ hasText: "firing" });
  await firing.first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("a");
  await dialog().waitFor();
  await page.keyboard.type("ana");
  await page.keyboard.press("Tab");
  await page.keyboard.type("looking at it");
  await page.keyboard.press("Enter");
  await dialog().waitFor({ state: "detached" });
  await page.getByText("acknowledged by bootstrap on behalf of ana").first().waitFor();
  const alerts = await get<{ acknowledged_on_behalf_of: string | null }[]>("/api/alerts");
  expect(alerts.some((alert) => alert.acknowledged_on_behalf_of === "ana")).toBe(true);
});

test("an alert is silenced where it stands", async () => {
  await page.getByRole("button", { name: "Silence it" }).first().click();
  await sign();
  await dialog().getByLabel("Why").fill("we know");
  await confirm("Silence");
  await page.getByText("ana: we know").waitFor();
  await page.getByRole("button", { name: "End" }).click();
  await sign("it is over now");
  await confirm("End it");
  await page.getByText("Nothing is silenced").waitFor();
});

test("a deployment stands on the budget, and the alert that fired on the burn rates", async () => {
  await reportDeployment("checkout", "1.42.0");
  await eventually(async () => {
    const alerts = await get<{ severity: string }[]>("/api/alerts/checkout");
    expect(alerts.map((alert) => alert.severity)).toContain("page");
    expect(await get<unknown[]>("/api/changes?service=checkout")).toHaveLength(1);
  }, 60);
  await page.goto(`${BASE}/services/checkout?range=6+h`);
  await region("Error budget").locator("svg").getByText("1.42.0").waitFor();
  await region("Burn rates").locator(".firing-page path").first().waitFor();
  await region("Burn rates").getByRole("button", { name: "Table" }).click();
  await region("Burn rates").getByRole("cell", { name: "burn-rate-page" }).first().waitFor();
});

test("a channel is made and tried, and a rule sends to it", async () => {
  await page.goto(`${BASE}/settings?tab=channels`);
  await page.getByRole("button", { name: "New channel" }).click();
  await dialog().getByLabel("Name", { exact: true }).fill("on-call");
  await dialog().getByLabel("Kind").selectOption("simulated");
  await sign();
  await confirm("Create");
  const row = page.getByRole("listitem").filter({ hasText: "on-call" });
  await row.getByRole("button", { name: "Test" }).click();
  await row.getByText("the test has arrived").waitFor();
  await page.getByRole("tab", { name: "Alert rules" }).click();
  await page.getByRole("button", { name: "Edit budget-left" }).click();
  await dialog().getByLabel("Must hold for, seconds").fill("60");
  await dialog().getByLabel("Channels").fill("simulated, on-call");
  await sign("half a budget is worth a word");
  await confirm("Save");
  await page.getByText("held 1 min · cooldown 15 min · to simulated, on-call").waitFor();
  const { rule } = await get<{ rule: Record<string, unknown> }>("/api/rules/budget-left");
  expect(rule).toMatchObject({ for_seconds: 60, channels: ["simulated", "on-call"] });
});

test("a dead letter is corrected and counted", async () => {
  await page.getByRole("tab", { name: "Ingest health" }).click();
  await page.getByText(/^\d+ records wait/).waitFor();
  const panel = region("Dead letters");
  await panel.getByText("missing_field").waitFor();
  await panel.getByRole("button", { name: "Send again …" }).click();
  const record = dialog().getByLabel("Record");
  await record.fill((await record.inputValue()).replace('"bad"', '"total": 7, "bad"'));
  await sign();
  await confirm("Send again");
  await panel.getByText(/sent again corrected .* by .*ana/).waitFor();
  await eventually(async () => {
    const found = await get<{ slos: { total: number }[] }>("/api/slo/letters");
    expect(found.slos[0]?.total).toBe(7);
  });
});
