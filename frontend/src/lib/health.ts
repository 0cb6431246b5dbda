/** What may be said of a service: its risk level only while the figures behind it are known. */

import { RISK_BOUNDARIES, RISK_LEVELS, type DataStatus, type RiskLevel } from "./vocabulary";

export type Health = RiskLevel | "UNKNOWN";

export const HEALTHS: readonly Health[] = [...RISK_LEVELS.toReversed(), "UNKNOWN"];

interface Figures {
  risk_level: RiskLevel;
  data_status: DataStatus;
}

/** Old or missing figures are no health, nor is silence. */
export function healthOf(figures: Figures): Health {
  return figures.data_status === "ok" ? figures.risk_level : "UNKNOWN";
}

/** How far a figure may be believed: as it is now, as it once was, or not at all. */
export type Certainty = "current" | "past" | "none";

/** Without a count there is no figure; with one that is not `ok` it was true at some time. */
export function certaintyOf(status: DataStatus, counted: boolean): Certainty {
  if (!counted || status === "no_data") return "none";
  return status === "ok" ? "current" : "past";
}

const [observe, danger, freeze] = RISK_BOUNDARIES;

export const MEANING: Record<Health, string> = {
  FREEZE: `burns more than ${freeze} times as fast as allowed: releases stop`,
  DANGER: `burns at ${danger} to ${freeze} times the allowed rate: think before a release`,
  OBSERVE: `burns at ${observe} to ${danger} times the allowed rate: watch it`,
  SAFE: "burns slower than allowed",
  UNKNOWN: "the figures are missing or old, so nothing is claimed",
};

export const STATUS_WORDS: Record<DataStatus, string> = {
  ok: "live",
  no_traffic: "no traffic",
  stale: "stale",
  lagging: "lagging",
  saturated: "saturated",
  no_data: "no data",
};

export const STATUS_MEANING: Record<DataStatus, string> = {
  ok: "reports arrive and are counted",
  no_traffic: "reports arrive, but nobody asked for anything: that is not 100 %",
  stale: "no report has come for longer than the service's own rhythm allows",
  lagging: "records wait to be counted, or the process that counts gives no sign of life",
  saturated: "more requests are reported than can be counted, so that errors are hidden",
  no_data: "this service has never reported",
};

/**
 * Worse is greater: what burns first, then what is not known, then the calm ones. Of one level an
 * outage that lasts comes before one that recovers, whose composite may still be the greater one.
 */
export function severity(figures: Figures & Rates & { composite_burn_rate: number }): number {
  const order: Record<Health, number> = { FREEZE: 4, DANGER: 3, UNKNOWN: 2, OBSERVE: 1, SAFE: 0 };
  const lasts = direction(figures) === "better" ? 0 : 5e8;
  return order[healthOf(figures)] * 1e9 + lasts + Math.min(figures.composite_burn_rate, 1e8);
}

export type Direction = "worse" | "better" | "steady" | "unknown";

interface Rates {
  burn_rate_5m: number;
  burn_rate_1h: number;
  burn_rate_24h: number;
}

/** Compare the last minutes with the last hour; within a fifth, or below 0.2, it is steady. */
export function direction(rates: Rates & { data_status: DataStatus }): Direction {
  if (rates.data_status !== "ok") return "unknown";
  const [now, before] = [rates.burn_rate_5m, rates.burn_rate_1h];
  if (Math.max(now, before) < 0.2) return "steady";
  if (now > before * 1.2) return "worse";
  return now < before / 1.2 ? "better" : "steady";
}

export const DIRECTION_WORDS: Record<Direction, string> = {
  worse: "getting worse",
  better: "recovering",
  steady: "steady",
  unknown: "direction unknown",
};
