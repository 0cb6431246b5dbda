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
/** Clocks differ from UTC by whole multiples of it, before and after each change of theirs. */
const LEAST_MINUTES = 5;

/** At most so many instants of a span that a clock calls round, in milliseconds. */
export function roundInstants([first, last]: TimeSpan, most: number, zone: Zone): number[] {
  // an axis of more than three days has days on it, each once
  const least = last - first > 3 * DAY_MINUTES * MINUTE ? DAY_MINUTES : 0;
  const fits = (minutes: number) => minutes >= least && (last - first) / (minutes * MINUTE) <= most;
  const step = STEPS_MINUTES.find(fits) ?? 30 * DAY_MINUTES;
  const found =
    step < DAY_MINUTES ? roundTimes(first, last, step, zone) : days(first, last, step, zone);
  return found.filter((at) => at >= first && at <= last);
}

/** Times of day that are multiples of the step; each has the offset of its own instant. */
function roundTimes(first: number, last: number, step: number, zone: Zone): number[] {
  const grid = LEAST_MINUTES * MINUTE;
  const begin = Math.ceil(first / grid) * grid;
  const count = Math.max(0, Math.floor((last - begin) / grid) + 1);
  const all = Array.from({ length: count }, (_, i) => begin + i * grid);
  return all.filter((at) => minuteOfDay(new Date(at), zone) % step === 0);
}

function minuteOfDay(at: Date, zone: Zone): number {
  return zone === "utc"
    ? at.getUTCHours() * 60 + at.getUTCMinutes()
    : at.getHours() * 60 + at.getMinutes();
}

/** The beginnings of every so many days: where a day has no midnight, its first instant. */
function days(first: number, last: number, step: number, zone: Zone): number[] {
  const every = step / DAY_MINUTES;
  const [from, to] = [dayNumber(new Date(first), zone), dayNumber(new Date(last), zone)];
  const begin = Math.ceil(from / every) * every;
  const count = Math.max(0, Math.floor((to - begin) / every) + 1);
  return Array.from({ length: count }, (_, i) => startOfDay(begin + i * every, zone));
}

/** Days of the calendar since 1970. */
function dayNumber(at: Date, zone: Zone): number {
  const midnight =
    zone === "utc" ? at.getTime() : Date.UTC(at.getFullYear(), at.getMonth(), at.getDate());
  return Math.floor(midnight / (DAY_MINUTES * MINUTE));
}

function startOfDay(day: number, zone: Zone): number {
  return zone === "utc" ? day * DAY_MINUTES * MINUTE : new Date(1970, 0, 1 + day).getTime();
}
