/** What the browser itself measures of key presses and clicks: from the event to the next frame. */

import type { Page } from "playwright-core";

/** An entry of Event Timing; durations are whole multiples of 8 ms. */
interface EventEntry extends PerformanceEntry {
  interactionId: number;
}

declare global {
  interface Window {
    longestByInteraction: Map<number, number>;
    longFrames: number[];
  }
}

/** Start to note interactions, and frames that took longer than 50 ms. */
export async function observe(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.longestByInteraction = new Map();
    window.longFrames = [];
    const events = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as EventEntry[]) {
        if (entry.interactionId === 0) continue;
        const longest = window.longestByInteraction.get(entry.interactionId) ?? 0;
        window.longestByInteraction.set(entry.interactionId, Math.max(longest, entry.duration));
      }
    });
    // the least threshold there is: what is shorter than 16 ms is not reported
    events.observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
    const frames = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longFrames.push(entry.duration);
    });
    frames.observe({ type: "long-animation-frame" });
  });
}

export interface Measured {
  interactions: number;
  median: number;
  p98: number;
  longest: number;
  over100: number;
  longFrames: number;
  longestFrame: number;
}

/** The figures of `count` interactions; those that the browser did not report took up to 16 ms. */
export async function measured(page: Page, count: number): Promise<Measured> {
  const [reported, frames] = await page.evaluate(() => [
    [...window.longestByInteraction.values()],
    window.longFrames,
  ]);
  const short = Array.from({ length: Math.max(0, count - reported.length) }, () => 16);
  const durations = [...short, ...reported].sort((a, b) => a - b);
  const at = (share: number) => durations[Math.ceil(share * durations.length) - 1] ?? 0;
  return {
    interactions: durations.length,
    median: at(0.5),
    p98: at(0.98),
    longest: at(1),
    over100: durations.filter((duration) => duration > 100).length,
    longFrames: frames.length,
    longestFrame: Math.round(Math.max(0, ...frames)),
  };
}

/** What a person does again and again; returns how many presses and clicks that was. */
export async function interact(page: Page, rounds: number): Promise<number> {
  const search = page.getByRole("searchbox");
  const filter = page.getByRole("button", { name: "SAFE" });
  let done = 0;
  const press = async (key: string) => {
    await page.keyboard.press(key, { delay: 20 });
    done += 1;
  };
  for (let round = 0; round < rounds; round += 1) {
    await search.click();
    for (const key of ["s", "e", "r", "v"]) await press(key);
    for (let i = 0; i < 4; i += 1) await press("Backspace");
    await press("Escape");
    for (const key of ["j", "j", "j", "j", "k"]) await press(key);
    await filter.click();
    await filter.click();
    done += 3;
  }
  return done;
}
