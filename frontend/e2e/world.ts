/** The stack under test, a browser on it, and the means to make something happen. */

import { setTimeout as sleep } from "node:timers/promises";

import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

export const BASE = given("BURNLINE_URL");
export const TOKEN = given("BURNLINE_API_TOKEN");
const INGEST = given("BURNLINE_INGEST_URL");
const AUTHORIZED = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" };

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
    // a container's root has no namespaces for the browser's own sandbox
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

export interface View {
  width?: number;
  height?: number;
  theme?: "light" | "dark";
  write?: boolean;
  timeZone?: string;
}

/** A page of its own session: read only unless it is opened with the link's token. */
export async function open(browser: Browser, path: string, view: View = {}): Promise<Page> {
  const { width = 1440, height = 900, theme = "light", write = false, timeZone } = view;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
    ...(timeZone !== undefined && { timezoneId: timeZone }),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  await page.goto(BASE + path + (write ? `#token=${TOKEN}` : ""));
  return page;
}

export async function get<T>(path: string): Promise<T> {
  const response = await fetch(BASE + path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export async function write(method: string, path: string, body: unknown): Promise<Response> {
  return fetch(BASE + path, { method, headers: AUTHORIZED, body: JSON.stringify(body) });
}

export interface Report {
  service: string;
  minutesAgo: number;
  total: number;
  bad: number;
}

/** Send events over HTTP, as a service's reporter would; the newest end now. */
export async function report(reports: readonly Report[]): Promise<void> {
  const now = Date.now();
  const events = reports.map(({ minutesAgo, ...counts }) => ({
    ...counts,
    source: "browser-test",
    timestamp: new Date(now - minutesAgo * 60_000).toISOString(),
    window_seconds: 60,
  }));
  for (let at = 0; at < events.length; at += 500) {
    await send("/v1/events", events.slice(at, at + 500));
  }
}

/** A deployment of a service that took effect now. */
export async function reportDeployment(service: string, version: string): Promise<void> {
  const at = new Date().toISOString();
  await send("/v1/changes", [{ service, version, kind: "deploy", actor: "pipeline", at }]);
}

async function send(path: string, events: readonly object[]): Promise<void> {
  const body = JSON.stringify(events);
  const response = await fetch(INGEST + path, { method: "POST", headers: AUTHORIZED, body });
  if (response.status !== 202) throw new Error(`ingest: ${await response.text()}`);
}

/** It stands whole in the window as it is, and nothing lies over it. */
export async function expectInView(seen: Locator): Promise<void> {
  const box = await seen.boundingBox();
  const size = seen.page().viewportSize();
  if (box === null || size === null) throw new Error("it is not shown");
  expect(box.x).toBeGreaterThanOrEqual(0);
  expect(box.y).toBeGreaterThanOrEqual(0);
  expect(box.x + box.width).toBeLessThanOrEqual(size.width);
  expect(box.y + box.height).toBeLessThanOrEqual(size.height);
  const uncovered = await seen.evaluate((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  });
  expect(uncovered).toBe(true);
}

/** Nothing waits for an answer any more. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
  await eventually(async () =>
    expect(await page.getByRole("status", { name: "Loading" }).count()).toBe(0),
  );
}

/** A report for each of the last minutes, the newest one now. */
export function minutes(service: string, count: number, total: number, bad: number): Report[] {
  return Array.from({ length: count }, (_, minutesAgo) => ({ service, minutesAgo, total, bad }));
}

/** Wait until it holds; the last failure is thrown when it never does. */
export async function eventually<T>(look: () => Promise<T>, withinSeconds = 30): Promise<T> {
  const end = Date.now() + withinSeconds * 1000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(200);
    }
  }
}

/** What the overview's answer says of a service, as far as the tests look at it. */
export interface Row {
  service_name: string;
  risk_level: "SAFE" | "OBSERVE" | "DANGER" | "FREEZE";
  data_status: "ok" | "no_traffic" | "stale" | "lagging" | "no_data";
  burn_rate_5m: number;
  burn_rate_1h: number;
  burn_rate_24h: number;
  composite_burn_rate: number;
  error_budget_remaining: number;
}

export async function overview(): Promise<Row[]> {
  return (await get<{ services: Row[] }>("/api/overview")).services;
}
