/** Who may write, what was written, and forms that let nobody open the gate unseen. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { BASE, eventually, get, launch, open } from "./world";

let browser: Browser;
let page: Page;
const dialog = () => page.getByRole("dialog");

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, "/services/checkout", { write: true });
});
afterAll(async () => {
  await browser.close();
});

interface Target {
  name: string;
  objective: number;
}

async function objectives(): Promise<Record<string, number>> {
  const targets = await get<Target[]>("/api/slo/checkout/targets");
  return Object.fromEntries(targets.map(({ name, objective }) => [name, objective]));
}

test("an error rate that nobody typed lets no more fail than an objective does", async () => {
  await page.getByRole("button", { name: "New target" }).click();
  await dialog().getByLabel("Name").fill("errors");
  await dialog().getByLabel("Kind").selectOption("error_rate");
  await dialog().getByTestId("sentence").getByText("1 of 1 000 requests may fail").waitFor();
  await dialog().getByRole("button", { name: "Create" }).click();
  await dialog().waitFor({ state: "detached" });
  expect((await objectives())["errors"]).toBe(0.999);
});

test("what hardly anybody means is asked about, and a click beside the form discards nothing", async () => {
  await page.getByRole("button", { name: "Edit errors" }).click();
  await dialog().getByLabel("Maximum error rate, %").fill("99.9");
  await dialog().getByRole("checkbox", { name: "999 of 1 000 requests may fail" }).waitFor();
  await dialog().getByRole("button", { name: "Save" }).click();
  await page.mouse.click(5, 5);
  expect(await dialog().getByLabel("Maximum error rate, %").inputValue()).toBe("99.9");
  await dialog().getByRole("button", { name: "Cancel" }).click();
  await dialog().waitFor({ state: "detached" });
  expect((await objectives())["errors"]).toBe(0.999);
});

/** 403: the key is known and may not; 401: nobody knows it. */
async function statusWith(key: string): Promise<number> {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  return (await fetch(`${BASE}/api/services`, { method: "POST", headers, body: "{}" })).status;
}

async function secretShown(): Promise<string> {
  const secret = await dialog().getByLabel("Key").inputValue();
  await dialog().getByRole("button", { name: "I have it" }).click();
  await dialog().waitFor({ state: "detached" });
  return secret;
}

test("a key is made, rotated and revoked, and its secrets are shown once", async () => {
  await page.keyboard.press("6");
  await page.getByRole("button", { name: "New key" }).click();
  await dialog().getByLabel("Name").fill("browser");
  await dialog().getByRole("button", { name: "Create" }).click();
  await dialog().getByText("The secret of browser").waitFor();
  const first = await secretShown();
  expect(await statusWith(first)).toBe(403);
  const row = page.getByRole("listitem").filter({ hasText: "browser" });
  await row.getByRole("button", { name: "Rotate …" }).click();
  await dialog().getByLabel("The present secret ends").selectOption("0");
  await dialog().getByRole("button", { name: "Rotate" }).click();
  await dialog().getByText("The secret of browser").waitFor();
  const second = await secretShown();
  expect([await statusWith(first), await statusWith(second)]).toEqual([401, 403]);
  await row.getByRole("button", { name: "Revoke …" }).click();
  await dialog().getByRole("button", { name: "Revoke" }).click();
  await dialog().waitFor({ state: "detached" });
  await row.waitFor({ state: "detached" });
  expect(await statusWith(second)).toBe(401);
  expect(await page.content()).not.toContain(second);
});

test("the audit says who did it, and from what to what", async () => {
  await page.goto(`${BASE}/audit?object_type=target&object_name=errors`);
  const made = page.getByRole("listitem").filter({ hasText: "target.created" });
  await made.first().waitFor();
  expect(await made.first().innerText()).toMatch(/objective\s+0\.999/);
  await page.goto(`${BASE}/audit?object_type=key`);
  await page.getByText("key.created").first().waitFor();
  await page.getByLabel("Action").selectOption("revoked");
  await eventually(async () => expect(await page.getByRole("listitem").count()).toBe(1));
  const revoked = await page.getByRole("listitem").innerText();
  expect(revoked).toContain("key.revoked");
  expect(revoked).toMatch(/revoked\s+false → true/);
});
