/** Interactions with the overview while it is live, and with an empty page in the same run. */

import { expect, test } from "vitest";

import { BASE, get, launch, open } from "../e2e/world";
import { interact, measured, observe, type Measured } from "./interactions";

const SERVICES = Number(process.env["BURNLINE_BENCH_SERVICES"]);
const ROUNDS = Number(process.env["BURNLINE_BENCH_ROUNDS"]);
const EMPTY = `<!doctype html><title>empty</title><input type="search" /><button>SAFE</button>`;

function say(name: string, found: Measured): void {
  process.stdout.write(
    `${name}: ${found.interactions} interactions, median ${found.median} ms, ` +
      `p98 ${found.p98} ms, longest ${found.longest} ms, over 100 ms ${found.over100}; ` +
      `frames over 50 ms ${found.longFrames}, longest ${found.longestFrame} ms\n`,
  );
}

test("interactions", async () => {
  const browser = await launch();
  const overview = await open(browser, "/");
  await overview.getByText(`${SERVICES} services`, { exact: true }).waitFor();
  await overview.getByText("live", { exact: true }).waitFor();
  const empty = await open(browser, "/no-such-page");
  await empty.route("**/empty", (route) =>
    route.fulfill({ contentType: "text/html", body: EMPTY }),
  );
  await empty.goto(`${BASE}/empty`);
  const updates = () =>
    overview.evaluate(
      () =>
        performance.getEntriesByType("resource").filter((e) => e.name.includes("/api/overview"))
          .length,
    );
  for (const page of [empty, overview]) {
    await page.bringToFront();
    await interact(page, 1);
    await observe(page);
  }
  const before = await updates();
  const done = { empty: 0, overview: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    await empty.bringToFront();
    done.empty += await interact(empty, 1);
    await overview.bringToFront();
    done.overview += await interact(overview, 1);
  }
  const found = await measured(overview, done.overview);
  say("empty page", await measured(empty, done.empty));
  say(`overview of ${SERVICES} services`, found);
  const read = (await updates()) - before;
  process.stdout.write(`the overview was read ${read} times meanwhile\n`);
  expect(read).toBeGreaterThan(3);
  const { services } = await get<{ services: object[] }>("/api/overview");
  expect(services).toHaveLength(SERVICES);
  await browser.close();
});
