/** The stream of changes: what is told anew is read anew, the rest stays as it is. */

import type { QueryClient } from "@tanstack/react-query";

import { millisecondsSinceInput } from "../lib/activity";
import { eventsOf } from "../lib/eventStream";
import { createStore } from "../lib/store";
import { problemOf, withToken } from "./client";

export type Connection = "connecting" | "live" | "polling";

export const connection = createStore<Connection>("connecting");

const RETRY_MILLISECONDS = 5_000;
const SILENCE_MILLISECONDS = 20_000;
const POLL_MILLISECONDS = 10_000;
const AT_MOST_EVERY_MILLISECONDS = 1_500;
const PAUSE_MILLISECONDS = 400;
const AT_LEAST_EVERY_MILLISECONDS = 4_000;

interface Told {
  changed: Changed;
}

/** Topic to key to version. */
export type Changed = Record<string, Record<string, number>>;

/** Keep the queries fresh until the signal ends it: by the stream, or by asking while it is down. */
export async function keepFresh(queries: QueryClient, signal: AbortSignal): Promise<void> {
  const fresh = new Refresher(queries);
  const poll = setInterval(() => {
    if (connection.get() === "polling") fresh.everything();
  }, POLL_MILLISECONDS);
  signal.addEventListener("abort", () => clearInterval(poll));
  const ended = () => signal.aborted;
  const place: Place = { id: null };
  while (!ended()) {
    try {
      await readStream(fresh, signal, place);
    } catch {
      // whatever it was, the page says that it polls now, and tries again
    }
    if (ended()) return;
    connection.set("polling");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
}

/** How far the stream has been read: the server tells what came after it. */
interface Place {
  id: string | null;
}

async function readStream(fresh: Refresher, signal: AbortSignal, place: Place): Promise<void> {
  const ours = new AbortController();
  const end = () => ours.abort();
  signal.addEventListener("abort", end);
  // the server says something every few seconds: a stream that is silent is dead
  let silence = setTimeout(end, SILENCE_MILLISECONDS);
  try {
    const headers = withToken(new Headers({ Accept: "text/event-stream" }));
    if (place.id !== null) headers.set("Last-Event-ID", place.id);
    const response = await fetch("/api/stream", { headers, signal: ours.signal });
    if (!response.ok || response.body === null) throw await problemOf(response);
    for await (const event of eventsOf(response.body)) {
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MILLISECONDS);
      connection.set("live");
      if (event.name === "reset") fresh.everything();
      place.id = event.id;
      if (event.name === "changed") fresh.some((JSON.parse(event.data) as Told).changed);
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", end);
  }
}

/** Asks again for what changed, each thing at most every second and a half. */
export class Refresher {
  private readonly waiting = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private last = 0;

  constructor(
    private readonly queries: QueryClient,
    private readonly sinceInput = millisecondsSinceInput,
  ) {}

  everything(): void {
    void this.queries.invalidateQueries();
  }

  some(changed: Changed): void {
    for (const key of keysOf(changed)) this.waiting.add(nameOf(key));
    if (this.timer !== null || this.waiting.size === 0) return;
    const wait = Math.max(0, this.last + AT_MOST_EVERY_MILLISECONDS - Date.now());
    this.timer = setTimeout(() => this.flush(), wait);
  }

  /** While somebody types or clicks news wait for a pause, but not for long. */
  private flush(): void {
    const busy = PAUSE_MILLISECONDS - this.sinceInput();
    if (busy > 0 && Date.now() < this.last + AT_LEAST_EVERY_MILLISECONDS) {
      this.timer = setTimeout(() => this.flush(), busy);
      return;
    }
    this.timer = null;
    this.last = Date.now();
    const waiting = new Set(this.waiting);
    this.waiting.clear();
    // hundreds of services may have changed, of which the page shows a few: one look for all
    const concerned = ({ queryKey }: { queryKey: readonly unknown[] }) =>
      queryKey.some((_, i) => waiting.has(nameOf(queryKey, i + 1)));
    // an answer that is on its way is waited for: a slow one would else be asked for for ever
    void this.queries.invalidateQueries({ predicate: concerned }, { cancelRefetch: false });
  }
}

function nameOf(queryKey: readonly unknown[], length = queryKey.length): string {
  return JSON.stringify(queryKey.slice(0, length));
}

const PARTS: Record<string, readonly string[]> = {
  "slo.burnrates.v1": ["slo"],
  "slo.forecasts.v1": ["forecast"],
  "slo.decisions.v1": ["release"],
};

/** The query keys that a change of these records concerns. */
export function keysOf(changed: Changed): string[][] {
  const keys: string[][] = [];
  for (const [topic, names] of Object.entries(changed)) {
    if (topic === "slo.alerts.v1" || topic === "slo.rules.v1") keys.push(["alerts"]);
    if (topic === "slo.policies.v1") keys.push(["releases"]);
    if (topic === "slo.catalog.v1") keys.push(["services"], ["overview"]);
    const parts = PARTS[topic];
    const services = Object.keys(names).filter((name) => !name.includes("/"));
    // a heartbeat says that what is shown still holds; the ages on the page move on with it
    if (parts) keys.push(["overview"]);
    for (const service of services) {
      for (const part of parts ?? []) keys.push(["service", service, part]);
    }
  }
  return keys;
}
