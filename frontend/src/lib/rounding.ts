/** Decimal figures with as many digits as keep them on their side of what stands beside them. */

/** `digits` / 10^`places`: what its owner wrote, for any number that a person wrote. */
export interface Decimal {
  digits: bigint;
  places: number;
}

export type Toward = "nearest" | "down" | "up";

const NOISE_DIGITS = 12;
const MOST_PLACES = 18;

/** The shortest decimal that is this number; with `significant` the nearest of so many digits. */
export function decimal(value: number, significant?: number): Decimal {
  const written = value.toExponential(significant === undefined ? undefined : significant - 1);
  const [mantissa = "", exponent = "0"] = written.split("e");
  const fraction = mantissa.split(".")[1] ?? "";
  return shifted({ digits: BigInt(mantissa.replace(".", "")), places: fraction.length }, +exponent);
}

/** A hundredfold is shifted by 2. */
export function shifted({ digits, places }: Decimal, by: number): Decimal {
  const left = places - by;
  return left >= 0
    ? { digits, places: left }
    : { digits: digits * 10n ** BigInt(-left), places: 0 };
}

/** A number, shifted, with at least so many places; more where rounding would cross a threshold. */
export function rounded(
  value: number,
  least: number,
  thresholds: readonly number[],
  toward: Toward = "nearest",
  by = 0,
): Decimal {
  const exact = shifted(decimal(value), by);
  const clean = shifted(decimal(value, NOISE_DIGITS), by);
  const beside = thresholds.map((threshold) => shifted(decimal(threshold), by));
  for (let places = least; places <= MOST_PLACES; places += 1) {
    const found = cut(clean, places, toward);
    if (beside.every((t) => compare(found, t) === compare(exact, t))) return found;
  }
  return exact;
}

export function compare(a: Decimal, b: Decimal): number {
  const places = Math.max(a.places, b.places);
  const [left, right] = [cut(a, places, "down").digits, cut(b, places, "down").digits];
  return left === right ? 0 : left < right ? -1 : 1;
}

export function written({ digits, places }: Decimal): string {
  const size = (digits < 0n ? -digits : digits).toString().padStart(places + 1, "0");
  const whole = size.slice(0, size.length - places);
  const text = places > 0 ? `${whole}.${size.slice(-places)}` : whole;
  return digits < 0n ? `-${text}` : text;
}

function cut({ digits, places }: Decimal, wanted: number, toward: Toward): Decimal {
  if (wanted >= places) return { digits: digits * 10n ** BigInt(wanted - places), places: wanted };
  const unit = 10n ** BigInt(places - wanted);
  const over = ((digits % unit) + unit) % unit;
  const floor = (digits - over) / unit;
  // a half goes away from zero
  const far = digits < 0n ? 2n * over > unit : 2n * over >= unit;
  const up = over > 0n && (toward === "up" || (toward === "nearest" && far));
  return { digits: up ? floor + 1n : floor, places: wanted };
}
