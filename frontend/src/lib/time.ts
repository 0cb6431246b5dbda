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
