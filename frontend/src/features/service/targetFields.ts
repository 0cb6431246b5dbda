/** All that the pages know of a target: its fields, its kinds, and their words. Pure. */

import type { NewTarget, PreviewQuestion, SloStatus, Target } from "../../api/slo";
import { objective } from "../../lib/format";
import { WINDOW_DAYS, type SliType } from "../../lib/vocabulary";

export interface TargetFields {
  name: string;
  kind: SliType;
  /** The objective, or for error rates the most errors allowed, in per cent. */
  percent: string;
  windowDays: string;
  threshold: string;
  minBad: string;
}

interface Kind {
  label: string;
  /** What is asked for in per cent, as the form and the request call it. */
  percent: { label: string; hint: string; sent: "objective" | "max_error_ratio" };
  hasThreshold: boolean;
  text: (slo: Pick<SloStatus, "threshold_seconds">) => string;
}

const OBJECTIVE = { label: "Objective, %", hint: "for example 99.95", sent: "objective" } as const;

export const KINDS: Record<SliType, Kind> = {
  availability: {
    label: "availability: requests that succeed",
    percent: OBJECTIVE,
    hasThreshold: false,
    text: () => "availability",
  },
  latency: {
    label: "latency: requests answered in time",
    percent: OBJECTIVE,
    hasThreshold: true,
    text: (slo) => `within ${slo.threshold_seconds ?? "?"} s`,
  },
  error_rate: {
    label: "error rate: the share that may fail",
    percent: {
      label: "Maximum error rate, %",
      hint: "for example 0.5",
      sent: "max_error_ratio",
    },
    hasThreshold: false,
    text: () => "error rate",
  },
};

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
  const ratio = isMaximum(target.sli_type) ? 1 - target.objective : target.objective;
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
  const { percent, hasThreshold } = KINDS[form.kind];
  return {
    name: form.name.trim(),
    sli_type: form.kind,
    [percent.sent]: ratioOf(form.percent) ?? Number.NaN,
    ...(hasThreshold && { threshold_seconds: Number(form.threshold) }),
    window_days: windowOf(form),
    min_bad_events: Number(form.minBad),
  };
}

/** What to ask the stored history; null while the fields make no target. */
export function questionOf(form: TargetFields): PreviewQuestion | null {
  const ratio = ratioOf(form.percent);
  if (ratio === null) return null;
  const asked = isMaximum(form.kind) ? exactComplement(ratio) : ratio;
  if (asked <= 0 || asked >= 1) return null;
  const threshold = KINDS[form.kind].hasThreshold ? Number(form.threshold) : null;
  if (threshold !== null && !(threshold > 0)) return null;
  return { objective: asked, window_days: windowOf(form), threshold_seconds: threshold };
}

/** A target in a line: "99.9 % availability over 30 d". */
export function sentenceOf(target: Target): string {
  const within = target.threshold_seconds === null ? "" : ` within ${target.threshold_seconds} s`;
  const kind = target.sli_type.replace("_", " ");
  return `${objective(target.objective)} ${kind}${within} over ${target.window_days} d`;
}

function isMaximum(kind: SliType): boolean {
  return KINDS[kind].percent.sent === "max_error_ratio";
}

function windowOf(form: TargetFields): (typeof WINDOW_DAYS)[number] {
  return WINDOW_DAYS.find((days) => String(days) === form.windowDays) ?? 30;
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
