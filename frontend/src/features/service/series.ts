/** From a history and a forecast to what the charts draw. Pure; times are milliseconds. */

import type { SloForecast } from "../../api/forecast";
import type { BurnHistory, HistorySpan } from "../../api/slo";

const HOUR = 3_600_000;
const LOWEST_DRAWN_RATE = 0.01;

const DEFAULT_RANGE = "24 h";
const DEFAULT_SPAN: HistorySpan = { seconds: 24 * 3600, step: "5m" };

export const RANGES: Record<string, HistorySpan> = {
  "6 h": { seconds: 6 * 3600, step: "1m" },
  [DEFAULT_RANGE]: DEFAULT_SPAN,
  "7 d": { seconds: 7 * 86_400, step: "1h" },
  "30 d": { seconds: 30 * 86_400, step: "2h" },
};

/** The span that the address asks for, and its name. */
export function chosenRange(search: URLSearchParams): { range: string; span: HistorySpan } {
  const range = search.get("range") ?? DEFAULT_RANGE;
  const span = Object.hasOwn(RANGES, range) ? RANGES[range] : undefined;
  return span ? { range, span } : { range: DEFAULT_RANGE, span: DEFAULT_SPAN };
}

export interface BudgetPoint {
  at: number;
  actual?: number;
  ideal?: number;
  likely?: number;
  cone?: [number, number];
}

export interface RatePoint {
  at: number;
  short: number | null;
  hour: number | null;
  day: number | null;
  composite: number | null;
}

export interface CountPoint {
  at: number;
  good: number;
  bad: number;
  stepSeconds: number;
  /** The span begins or ends within the step. */
  partial: boolean;
}

function measured(history: BurnHistory) {
  return history.points.filter((point) => point.data_status !== "no_data");
}

/** The budget left: as it was, at the pace that spends it exactly, and as it is expected. */
export function budgetSeries(
  history: BurnHistory,
  windowDays: number,
  forecast: SloForecast | null,
): BudgetPoint[] {
  const past = measured(history).map((point) => ({
    at: Date.parse(point.timestamp),
    actual: point.error_budget_remaining,
  }));
  const first = past[0];
  const last = past[past.length - 1];
  if (first === undefined || last === undefined) return [];
  const pace = 1 / (windowDays * 24 * HOUR);
  const ideal = (at: number) => first.actual - (at - first.at) * pace;
  const points: BudgetPoint[] = past.map((point) => ({ ...point, ideal: ideal(point.at) }));
  const ahead = expected(last.at, last.actual, last.at - first.at, forecast);
  return [...points, ...ahead.map((point) => ({ ...point, ideal: ideal(point.at) }))];
}

/** Straight lines to where a tenth, half and nine tenths of the futures have spent it all. */
function expected(
  from: number,
  left: number,
  span: number,
  forecast: SloForecast | null,
): BudgetPoint[] {
  const likely = forecast?.p50_hours ?? null;
  if (forecast === null || left <= 0 || likely === null) return [];
  const reach = Math.min(span * 0.5, Math.max(likely * 1.3, 1) * HOUR);
  const leftAt = (hours: number | null, after: number) =>
    hours === null ? left : Math.max(0, left * (1 - after / (hours * HOUR)));
  const steps = 24;
  return Array.from({ length: steps + 1 }, (_, i) => {
    const after = (reach * i) / steps;
    return {
      at: from + after,
      likely: leftAt(likely, after),
      cone: [leftAt(forecast.p10_hours, after), leftAt(forecast.p90_hours, after)],
    };
  });
}

/** Burn rates for a logarithmic axis: what is at or below its foot is drawn on it. */
export function rateSeries(history: BurnHistory): RatePoint[] {
  return history.points.map((point) => {
    // without reports or requests there is no rate, which is not a rate of nothing
    const known = point.data_status === "ok";
    const drawn = (rate: number) => (known ? Math.max(rate, LOWEST_DRAWN_RATE) : null);
    return {
      at: Date.parse(point.timestamp),
      short: drawn(point.burn_rate_5m),
      hour: drawn(point.burn_rate_1h),
      day: drawn(point.burn_rate_24h),
      composite: drawn(point.composite_burn_rate),
    };
  });
}

/** From the first to the last of all that is drawn; the first is that of the history. */
export function timeSpan(
  drawn: readonly [history: readonly { at: number }[], ...more: (readonly { at: number }[])[]],
): [first: number, last: number] {
  const first = drawn[0][0]?.at ?? 0;
  return [first, drawn.flat().reduce((latest, point) => Math.max(latest, point.at), first)];
}

export function countSeries(history: BurnHistory): CountPoint[] {
  return history.points.map((point) => ({
    at: Date.parse(point.timestamp),
    good: point.total - point.bad,
    bad: point.bad,
    stepSeconds: point.step_seconds,
    partial: point.partial,
  }));
}

/** The powers of ten that hold the rates and the thresholds. */
export function logDomain(points: readonly RatePoint[], thresholds: readonly number[]) {
  const rates = points.flatMap((p) => [p.short ?? 0, p.hour ?? 0, p.day ?? 0]);
  const top = Math.max(10, ...rates, ...thresholds);
  return [LOWEST_DRAWN_RATE, 10 ** Math.ceil(Math.log10(top))] as const;
}
