/** Between what a person types for a target and what the server takes. Pure. */

import type { NewTarget, PreviewQuestion, Target } from "../../api/slo";

export interface TargetFields {
  name: string;
  kind: string;
  /** The objective, or for error rates the most errors allowed, in per cent. */
  percent: string;
  windowDays: string;
  threshold: string;
  minBad: string;
}

export function formOf(target: Target | null): TargetFields {
  if (target === null) {
    return {
      name: "",
      kind: "availability",
      percent: "99.9",
      windowDays: "30",
      threshold: "",
      minBad: "1",
    };
  }
  const ratio = target.sli_type === "error_rate" ? 1 - target.objective : target.objective;
  return {
    name: target.name,
    kind: target.sli_type,
    percent: String(Number((ratio * 100).toPrecision(12))),
    windowDays: String(target.window_days),
    threshold: target.threshold_seconds === null ? "" : String(target.threshold_seconds),
    minBad: String(target.min_bad_events),
  };
}

export function requestOf(form: TargetFields): NewTarget {
  const ratio = ratioOf(form.percent) ?? Number.NaN;
  const shared = {
    name: form.name.trim(),
    window_days: windowOf(form),
    min_bad_events: Number(form.minBad),
  };
  switch (form.kind) {
    case "error_rate":
      return { ...shared, sli_type: "error_rate", max_error_ratio: ratio };
    case "latency": {
      const threshold_seconds = Number(form.threshold);
      return { ...shared, sli_type: "latency", objective: ratio, threshold_seconds };
    }
    default:
      return { ...shared, sli_type: "availability", objective: ratio };
  }
}

const WINDOWS = [7, 14, 28, 30, 90] as const;

function windowOf(form: TargetFields): (typeof WINDOWS)[number] {
  return WINDOWS.find((days) => String(days) === form.windowDays) ?? 30;
}

/** What to ask the stored history; null while the fields make no target. */
export function questionOf(form: TargetFields): PreviewQuestion | null {
  const ratio = ratioOf(form.percent);
  if (ratio === null) return null;
  const objective = form.kind === "error_rate" ? exactComplement(ratio) : ratio;
  if (objective <= 0 || objective >= 1) return null;
  const threshold = form.kind === "latency" ? Number(form.threshold) : null;
  if (threshold !== null && !(threshold > 0)) return null;
  return { objective, window_days: windowOf(form), threshold_seconds: threshold };
}

/** 99.95 is 0.9995 exactly as written, not 0.9994999999999999. */
function ratioOf(percent: string): number | null {
  const value = Number(percent.replace(",", "."));
  if (percent.trim() === "" || !Number.isFinite(value)) return null;
  return Number((value / 100).toPrecision(12));
}

function exactComplement(ratio: number): number {
  return Number((1 - ratio).toPrecision(12));
}
