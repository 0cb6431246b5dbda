/** The stream of changes: what has changed is read again, the rest stays as it is. */

import type { QueryClient, QueryKey } from "@tanstack/react-query";

import { millisecondsSinceInput } from "../lib/activity";
import { eventsOf } from "../lib/eventStream";
import { createStore } from "../lib/store";
import { problemOf, withToken } from "./client";
import { keys } from "./keys";

export type Connection = "connecting" | "live" | "polling";

export const connection = createStore<Connection>("connecting");

const RETRY_MILLISECONDS = 5_000;
const SILENCE_MILLISECONDS = 20_000;
const POLL_MILLISECONDS = 10_000;
const AT_MOST_EVERY_MILLISECONDS = 1_500;
const PAUSE_MILLISECONDS = 400;
const AT_LEAST_EVERY_MILLISECONDS = 4_000;

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

/** How far the stream has been read: the server resumes after it. */
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
      if (event.event === "reset") fresh.everything();
      place.id = event.id ?? null;
      if (event.event === "changed")
        fresh.some((JSON.parse(event.data) as { changed: Changed }).changed);
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
    const concerned = ({ queryKey }: { queryKey: QueryKey }) =>
      queryKey.some((_, i) => waiting.has(nameOf(queryKey, i + 1)));
    // an answer that is on its way is waited for: a slow one would else be asked for for ever
    void this.queries.invalidateQueries({ predicate: concerned }, { cancelRefetch: false });
  }
}

function nameOf(queryKey: QueryKey, length = queryKey.length): string {
  return JSON.stringify(queryKey.slice(0, length));
}

/** What a record of these topics changes of the service that it is about. */
const OF_SERVICE: Record<string, (service: string) => QueryKey> = {
  "slo.burnrates.v1": keys.slo,
  "slo.forecasts.v1": keys.forecast,
  "slo.decisions.v1": keys.release,
};

/** The query keys that a change of these records concerns. */
export function keysOf(changed: Changed): QueryKey[] {
  const found: QueryKey[] = [];
  for (const [topic, names] of Object.entries(changed)) {
    if (topic === "slo.alerts.v1" || topic === "slo.rules.v1") found.push(keys.alerts);
    if (topic === "slo.policies.v1") found.push(keys.releases);
    if (topic === "slo.catalog.v1") found.push(keys.services, keys.overview);
    const ofService = OF_SERVICE[topic];
    if (ofService === undefined) continue;
    const services = Object.keys(names).filter((name) => !name.includes("/"));
    // a heartbeat says that what is shown still holds; the ages on the page move on with it
    found.push(keys.overview, ...services.map(ofService));
  }
  return found;
}
