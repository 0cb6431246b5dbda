/** One service: its charts, the gate and who overrides it, its targets. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { TOKEN, eventually, get, launch, open } from "./world";

let browser: Browser;
let page: Page;
const region = (name: string) => page.getByRole("region", { name, exact: true });

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, "/services/checkout?range=6+h");
});
afterAll(async () => {
  await browser.close();
});

// it ends by itself a minute later: the last file looks
test("the gate is overridden, after the token has been asked for", async () => {
  await page.getByRole("button", { name: "Override …" }).click();
  await page.locator("input[type=password]").fill(TOKEN);
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByLabel("Your name").fill("ana");
  await page.getByLabel("Reason").fill("hotfix for the payment outage");
  await page.getByLabel("Ends after minutes").fill("1");
  await page.getByRole("button", { name: "Override", exact: true }).click();
  await region("Can I deploy?").getByText("may deploy").waitFor();
  await page.getByText("ana: hotfix for the payment outage").first().waitFor();
  await page.getByRole("button", { name: "History" }).click();
  // what the gate said before stands below
  await region("Can I deploy?").getByText("blocked").first().waitFor();
});

test("budget, burn rates and counts are drawn, each a table too", async () => {
  for (const title of ["Error budget", "Burn rates", "Requests in each 1 min"]) {
    const panel = region(title);
    await panel.locator("svg.recharts-surface").first().waitFor();
    await panel.getByRole("button", { name: "Table" }).click();
    expect(await panel.getByRole("row").count()).toBeGreaterThan(30);
    await panel.getByRole("button", { name: "Chart" }).click();
  }
});

test("a target says what it would have meant, is taken, and is changed", async () => {
  await page.getByRole("button", { name: "New target" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("requests succeed");
  await dialog.getByLabel("Objective, %").fill("99.5");
  const preview = page.getByTestId("preview");
  await eventually(async () =>
    expect(await preview.innerText()).toMatch(/At 99\.5.% over 30 days .* spent/),
  );
  // in place of the default it opens a gate that is blocked: that is not done unseen
  await page.getByTestId("loosens").getByText("objective 99.9% to 99.5%").waitFor();
  await dialog.getByLabel("Reason").fill("agreed with the owner of payments");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Edit requests succeed" }).click();
  await dialog.getByLabel("Objective, %").fill("99.95");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const targets = await get<{ objective: number }[]>("/api/slo/checkout/targets");
  expect(targets.map((target) => target.objective)).toEqual([0.9995]);
  await region("Targets").getByText("99.95").waitFor();
});

test("what loosens is asked why, is named by the gate, and is undone", async () => {
  await page.getByRole("button", { name: "Edit requests succeed" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Objective, %").fill("90");
  await page.getByTestId("loosens").getByText("objective 99.95% to 90%").waitFor();
  await dialog.getByLabel("Reason").fill("until the new shards are in");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const row = region("Loosened promises")
    .getByRole("listitem")
    .filter({ hasText: "99.95% to 90%" });
  await row.getByText("until the new shards are in").waitFor();
  await region("Can I deploy?")
    .getByText(/loosened target requests succeed .* until the new shards are in/)
    .first()
    .waitFor();
  await row.getByRole("button", { name: "Undo" }).click();
  await dialog.getByLabel("Your name").fill("ana");
  await dialog.getByLabel("Reason").fill("the new shards are in already");
  await dialog.getByRole("button", { name: "Undo" }).click();
  await dialog.waitFor({ state: "detached" });
  const targets = await get<{ objective: number }[]>("/api/slo/checkout/targets");
  expect(targets.map((target) => target.objective)).toEqual([0.9995]);
  await row.getByText("ended").waitFor();
});
