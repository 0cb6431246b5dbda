/** The product's enumerations and boundaries, as the gateway's document has them. */

import {
  alertAnswerSeverityValues,
  riskBoundaryValues,
  riskLevelValues,
  type components,
} from "../api/schema";

export {
  matcherRequestNameValues as MATCHED_LABELS,
  newTargetWindow_daysValues as WINDOW_DAYS,
  releaseAnswerChange_classValues as CHANGE_CLASSES,
  serviceAnswerTierValues as TIERS,
} from "../api/schema";

type Schemas = components["schemas"];

export type ChangeClass = Schemas["ReleaseAnswer"]["change_class"];
export type DataStatus = Schemas["DataStatus"];
export type Decision = Schemas["ReleaseAnswer"]["decision"];
export type RiskLevel = Schemas["RiskLevel"];
export type Severity = Schemas["AlertAnswer"]["severity"];
export type SliType = Schemas["SliType"];
export type Tier = Schemas["ServiceAnswer"]["tier"];

/** Mildest first. */
export const RISK_LEVELS = riskLevelValues;

/** Most urgent first. */
export const SEVERITIES = alertAnswerSeverityValues;

/** What each tier is called beside its number. */
export const TIER_WORDS: Record<Tier, string> = { 1: "critical", 2: "important", 3: "standard" };

/** The burn rates between the levels: 1, where a budget lasts its window, up to FREEZE. */
export const RISK_BOUNDARIES: readonly number[] = riskBoundaryValues;
export const FREEZE_ABOVE = Math.max(...RISK_BOUNDARIES);

/** The level that a burn rate comes to: from each boundary on, above the last one. */
export function levelAt(rate: number): RiskLevel {
  const passed = RISK_BOUNDARIES.filter(
    (from) => rate > from || (rate === from && from < FREEZE_ABOVE),
  );
  return RISK_LEVELS[passed.length] ?? "SAFE";
}
