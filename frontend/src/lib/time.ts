/** Instants in the zone that the reader chose. */

export type Zone = "utc" | "local";

const clocks = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let found = clocks.get(key);
  if (!found) {
    const place = zone === "utc" ? { timeZone: "UTC" } : {};
    found = new Intl.DateTimeFormat("en-GB", { ...options, ...place, hour12: false });
    clocks.set(key, found);
  }
  return found;
}

function milliseconds(instant: string | number): number {
  return typeof instant === "number" ? instant : Date.parse(instant);
}

export function clockTime(instant: string | number, zone: Zone): string {
  return formatter(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(
    milliseconds(instant),
  );
}

export function dayTime(instant: string | number, zone: Zone): string {
  return formatter(zone, {
    day: "2-digit",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  }).format(milliseconds(instant));
}

export function fullTime(instant: string | number, zone: Zone): string {
  const text = formatter(zone, {
    year: "numeric",
    month: "short",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(milliseconds(instant));
  return `${text} ${zone === "utc" ? "UTC" : "local"}`;
}

/** A label for an axis: the time of day, or the day where the span is long. */
export function axisTime(instant: number, spanSeconds: number, zone: Zone): string {
  if (spanSeconds > 3 * 86_400) {
    return formatter(zone, { day: "2-digit", month: "short" }).format(instant);
  }
  return formatter(zone, { hour: "2-digit", minute: "2-digit" }).format(instant);
}

/** From when to when, in milliseconds. */
export type TimeSpan = readonly [first: number, last: number];

const MINUTE = 60_000;
const DAY_MINUTES = 1440;
const STEPS_MINUTES = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2 * 1440, 4 * 1440, 7 * 1440];

/** At most so many instants of a span that a clock calls round, in milliseconds. */
export function roundInstants([first, last]: TimeSpan, most: number, zone: Zone): number[] {
  // an axis of more than three days has days on it, each once
  const least = last - first > 3 * DAY_MINUTES * MINUTE ? DAY_MINUTES : 0;
  const fits = (minutes: number) => minutes >= least && (last - first) / (minutes * MINUTE) <= most;
  const step = (STEPS_MINUTES.find(fits) ?? 30 * DAY_MINUTES) * MINUTE;
  const ahead = zone === "utc" ? 0 : -new Date(first).getTimezoneOffset() * MINUTE;
  const start = Math.ceil((first + ahead) / step) * step - ahead;
  const count = Math.max(0, Math.floor((last - start) / step) + 1);
  return Array.from({ length: count }, (_, i) => start + i * step);
}
