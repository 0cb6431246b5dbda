/**
 * Figures as people read them. Nothing is ever rounded into a better state than it is in, nor
 * across a threshold that it stands beside. The server's `common/slo/wording.py` holds to the same
 * table of cases.
 */

import { decimal, rounded, shifted, written, type Toward } from "./rounding";
import { FREEZE_ABOVE, RISK_BOUNDARIES, RISK_LEVELS, type RiskLevel } from "./vocabulary";

const DASH = "–";
/** Narrow, and no line ends there. */
const NARROW = "\u202f";
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A ratio of good events with as many nines as it has; only exactly 1 is "100 %". */
export function goodRatio(ratio: number | null, asked: number[] = []): string {
  if (ratio === null || !Number.isFinite(ratio)) return DASH;
  if (ratio >= 1) return `100${NARROW}%`;
  // as far as the first digit that is no nine: 0.99953 is 99.95 %, 0.9999953 is 99.9995 %
  const digits = Math.min(8, Math.max(2, Math.ceil(-Math.log10(1 - ratio)) - 2));
  return `${written(rounded(ratio, digits, [1, ...asked], "down", 2))}${NARROW}%`;
}

/** A share that a person set: the objective 0.999 is "99.9 %". */
export function objective(ratio: number): string {
  return `${trimmed(written(shifted(decimal(ratio), 2)))}${NARROW}%`;
}

/** What is left of a budget, which may be negative; never rounded up, and 0 % only if it is. */
export function budget(ratio: number | null): string {
  return percent(ratio, "down");
}

/** What is spent of a budget, which may be far above 1; never rounded down. */
export function spent(ratio: number | null): string {
  return percent(ratio, "up");
}

function percent(ratio: number | null, toward: Toward): string {
  if (ratio === null || !Number.isFinite(ratio)) return DASH;
  const digits = Math.abs(ratio * 100) < 10 ? 1 : 0;
  const shown = trimmed(written(rounded(ratio, digits, [0, 1], toward, 2)));
  return `${shown.replace("-", "−")}${NARROW}%`;
}

/**
 * A burn rate: a multiple of the rate that spends the budget exactly over its window. `level` is
 * the risk level that the server found for it in exact fractions.
 */
export function burnRate(rate: number | null, level?: RiskLevel): string {
  if (rate === null || !Number.isFinite(rate)) return DASH;
  return `${rateDigits(settled(rate, level), rate < 10 ? 2 : rate < 100 ? 1 : 0)}×`;
}

/** A burn rate; where requests are uncertain, from what it is if none of them was bad. */
export function burnRateRange(
  rate: number | null,
  least: number | null,
  level?: RiskLevel,
): string {
  return least === null ? burnRate(rate, level) : `${burnRate(least)} to ${burnRate(rate, level)}`;
}

/** What is left of a budget; where requests are uncertain, to what it is if none was bad. */
export function budgetRange(ratio: number | null, most: number | null): string {
  return most === null ? budget(ratio) : `${budget(ratio)} to ${budget(most)}`;
}

/** A burn rate for a cell of a heat map. */
export function shortRate(rate: number | null): string {
  return rate === null ? "" : rateDigits(rate, rate < 10 ? 1 : 0);
}

function rateDigits(rate: number, digits: number): string {
  const [whole = "", rest] = written(rounded(rate, digits, RISK_BOUNDARIES)).split(".");
  return rest === undefined ? grouped(whole) : `${grouped(whole)}.${rest}`;
}

/** So close to a boundary a number may be on its wrong side: the level knows better. */
const NEAR = 1e-9;

function settled(rate: number, level: RiskLevel | undefined): number {
  const at = RISK_BOUNDARIES.findIndex((boundary) => Math.abs(rate - boundary) <= NEAR);
  const boundary = RISK_BOUNDARIES[at];
  if (level === undefined || boundary === undefined) return rate;
  const reached = RISK_LEVELS.indexOf(level) > at;
  const belongs = reached !== (boundary === FREEZE_ABOVE);
  const near = boundary * (1 + (belongs ? 0 : reached ? Number.EPSILON : -Number.EPSILON));
  return reached ? Math.max(rate, near) : Math.min(rate, near);
}

/** A share beside the tick of an axis. */
export function tickShare(ratio: number): string {
  return `${Number((ratio * 100).toFixed(1))}%`;
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count beside the tick of an axis. */
export function tickCount(value: number): string {
  return compact.format(value);
}

/** A whole number in groups of three, with a thin space that does not break. */
export function count(value: number | null): string {
  if (value === null) return DASH;
  const digits = grouped(Math.abs(Math.round(value)).toString());
  return value < 0 ? `−${digits}` : digits;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, NARROW);
}

function trimmed(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
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

/** When a forecast has a budget spent, of which no time means two things. */
export function timeLeft(
  forecast: { time_to_exhaustion_hours: number | null; forecast_status: string },
  windowDays: number,
): string {
  if (forecast.time_to_exhaustion_hours !== null) return hours(forecast.time_to_exhaustion_hours);
  return forecast.forecast_status === "known" ? `not within ${windowDays} days` : "not known yet";
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

/** Who acted: the credential, and the name that was typed where it says something else. */
export function attributed(actor: string, onBehalfOf: string | null): string {
  const name = actor.slice(actor.indexOf("/") + 1);
  return onBehalfOf && onBehalfOf !== name ? `${actor} on behalf of ${onBehalfOf}` : actor;
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
