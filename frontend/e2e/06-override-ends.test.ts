/** What was overridden a while ago: the gate decides again, and the page says so. */

import { expect, test } from "vitest";

import { BASE, eventually, get, launch, open } from "./world";

test("an override ends by itself", async () => {
  const browser = await launch();
  const page = await open(browser, "/audit?object_type=override");
  await page.getByText("ana override.created").first().waitFor();
  await page.goto(`${BASE}/releases`);
  await eventually(async () => {
    const { override } = await get<{ override: object | null }>("/api/release/checkout");
    expect(override).toBeNull();
  }, 75);
  const row = page.getByRole("listitem").filter({ hasText: "checkout" }).first();
  await row.getByText("blocked").first().waitFor();
  await row.getByRole("button", { name: "History" }).click();
  await row.getByText(/^expired /).waitFor();
  await browser.close();
}, 150_000);
