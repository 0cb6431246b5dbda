/** Figures as people read them. Nothing is ever rounded into a better state than it is in. */

const DASH = "–";
/** Narrow, and no line ends there. */
const NARROW = "\u202f";
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A ratio of good events with as many nines as it has; only exactly 1 is "100 %". */
export function goodRatio(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return DASH;
  if (ratio >= 1) return `100${NARROW}%`;
  // as far as the first digit that is no nine: 0.99953 is 99.95 %, 0.9999953 is 99.9995 %
  const digits = Math.min(8, Math.max(2, Math.ceil(-Math.log10(1 - ratio)) - 2));
  return `${floorTo(ratio * 100, digits)}${NARROW}%`;
}

/** An objective as it was set: 0.999 is "99.9 %". */
export function objective(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(12))}${NARROW}%`;
}

/** A share of the budget, which may be negative or far above 1; never rounded up. */
export function budget(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return DASH;
  const percent = ratio * 100;
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  const shown = floorTo(percent, digits);
  return `${shown.replace("-", "−")}${NARROW}%`;
}

/** A burn rate: a multiple of the rate that spends the budget exactly over its window. */
export function burnRate(rate: number | null): string {
  if (rate === null || !Number.isFinite(rate)) return DASH;
  if (rate >= 1000) return `${count(Math.round(rate))}×`;
  return `${rate >= 100 ? rate.toFixed(0) : rate >= 10 ? rate.toFixed(1) : rate.toFixed(2)}×`;
}

/** A whole number in groups of three, with a thin space that does not break. */
export function count(value: number | null): string {
  if (value === null) return DASH;
  const digits = Math.abs(Math.round(value)).toString();
  const grouped = digits.replace(/\B(?=(\d{3})+$)/g, NARROW);
  return value < 0 ? `−${grouped}` : grouped;
}

/** Seconds in the two greatest units that say something: "2 d 4 h", "45 s". */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) return twoUnits(whole, HOUR, "h", MINUTE, "min");
  return twoUnits(whole, DAY, "d", HOUR, "h");
}

export function hours(value: number | null): string {
  return duration(value === null ? null : value * HOUR);
}

/** That something does not come within the days that were looked ahead. */
export function notWithin(days: number): string {
  return `not within ${days} days`;
}

/** An interval of hours, as short as it can be said: "6–15 h". */
export function hourInterval(low: number | null, high: number | null): string | null {
  if (low === null && high === null) return null;
  if (low === null) return null;
  if (high === null) return `from ${hours(low)}`;
  const unit = high >= 48 ? "d" : "h";
  const scale = unit === "d" ? 24 : 1;
  const [from, to] = [low / scale, high / scale].map((v) => (v < 10 ? v.toFixed(1) : v.toFixed(0)));
  return from === to ? `${String(from)} ${unit}` : `${String(from)}–${String(to)} ${unit}`;
}

function twoUnits(
  whole: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  const rest = Math.floor((whole % large) / small);
  const head = `${Math.floor(whole / large)} ${largeName}`;
  return rest > 0 ? `${head} ${rest} ${smallName}` : head;
}

/** Cut, not rounded: 99.9996 with three digits is 99.999. */
function floorTo(value: number, digits: number): string {
  const scale = 10 ** digits;
  const scaled = value * scale;
  // the nearest representable value may lie a hair below what was meant
  return (Math.floor(scaled + Math.abs(scaled) * 4 * Number.EPSILON) / scale).toFixed(digits);
}
