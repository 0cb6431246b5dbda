/** An override from the request to its last use: asked for, approved by another, used, over. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { eventually, get, launch, minutes, open, report, write } from "./world";

const PATH = "/api/release/till";

let browser: Browser;
let asking: Page;
let second: string;
const gate = (page: Page) => page.getByRole("region", { name: "Can I deploy?", exact: true });

async function written<T>(method: string, path: string, body: unknown): Promise<T> {
  const response = await write(method, path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function keyOf(name: string): Promise<string> {
  const key = { name, scopes: ["override"] };
  return (await written<{ key: string }>("POST", "/api/keys", key)).key;
}

beforeAll(async () => {
  const till = { name: "till", tier: 1, owner: "team-shop" };
  await written("POST", "/api/services", till);
  await written("PUT", "/api/policies/two-agree", {
    actor: "cyd",
    reason: "the tills are looked at by two",
    document: {
      applies_to: { services: ["till"] },
      overrides: { second_approver_tiers: [1] },
    },
  });
  const [first, another] = await Promise.all(["ana", "boris"].map(keyOf));
  second = another ?? "";
  await report(minutes("till", 3, 4000, 2000));
  await eventually(async () => {
    const answer = await get<{ decision: string; policy: string }>(PATH);
    expect(answer).toMatchObject({ decision: "BLOCK", policy: "two-agree" });
  });
  browser = await launch();
  asking = await open(browser, `/services/till#token=${first ?? ""}`);
});
afterAll(async () => {
  await browser.close();
});

test("asked for: one use of this class within half an hour, and it waits for another", async () => {
  await asking.getByRole("button", { name: "Override …" }).click();
  expect(await asking.getByLabel("Ends after minutes").inputValue()).toBe("30");
  expect(await asking.getByLabel("Class of change").last().inputValue()).toBe("feature");
  expect(await asking.getByLabel("Maximum uses").inputValue()).toBe("1");
  await asking.getByLabel("Your name").fill("ana");
  await asking.getByLabel("Reason").fill("hotfix for the payment outage");
  await asking.getByRole("button", { name: "Override", exact: true }).click();
  await gate(asking).getByText("ALLOW (pending)").waitFor();
  await gate(asking).getByText("blocked", { exact: true }).first().waitFor();
});

test("nobody approves what they asked for, whatever name they type", async () => {
  await gate(asking).getByRole("button", { name: "Approve" }).click();
  const dialog = asking.getByRole("dialog");
  await dialog.getByLabel("Your name").fill("boris");
  await dialog.getByRole("button", { name: "Approve" }).click();
  await dialog.getByText("another credential has to approve it").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await gate(asking).getByText("ALLOW (pending)").waitFor();
});

test("approved by another: it is a state of its own, on the page and in the list", async () => {
  const page = await open(browser, `/services/till#token=${second}`);
  await gate(page).getByRole("button", { name: "Approve" }).click();
  await page.getByLabel("Your name").fill("boris");
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await gate(page).getByText("OVERRIDDEN, may deploy").first().waitFor();
  await gate(asking).getByText("OVERRIDDEN, may deploy").first().waitFor();
  await page.goto(new URL("/releases", page.url()).href);
  const row = page.getByRole("listitem").filter({ hasText: "till" }).first();
  await row.getByText("OVERRIDDEN, may deploy").waitFor();
  await row.getByText(/(29|30) min left, used 0 of 1: hotfix/).waitFor();
  await row.getByText("FREEZE", { exact: true }).waitFor();
  await page.context().close();
});

test("used: the pipeline passes once, the page is blocked again, the history says by whom", async () => {
  const used = await written<object>("POST", `${PATH}/check`, {});
  expect(used).toMatchObject({ allowed: true, overridden: true, override: { uses: 1 } });
  const again = await written<object>("POST", `${PATH}/check`, {});
  expect(again).toMatchObject({ allowed: false, overridden: false });
  await gate(asking).getByText("blocked", { exact: true }).first().waitFor();
  await asking.getByRole("button", { name: "History" }).click();
  const entry = gate(asking).getByRole("listitem").filter({ hasText: "used_up, used 1 of 1" });
  await entry.getByText("OVERRIDDEN, may deploy").first().waitFor();
  const entries = await get<{ overridden: boolean; decision: string }[]>(`${PATH}/history`);
  expect(entries[0]).toMatchObject({ decision: "BLOCK", overridden: false });
  expect(entries.find((entry) => entry.overridden)).toMatchObject({ decision: "ALLOW" });
});
