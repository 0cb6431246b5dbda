/** All that the pages know of a target: its fields, its kinds, and their words. Pure. */

import type { NewTarget, PreviewQuestion, SloStatus, Target } from "../../api/slo";
import { count, objective } from "../../lib/format";
import { WINDOW_DAYS, type SliType } from "../../lib/vocabulary";

export interface TargetFields {
  name: string;
  kind: SliType;
  /** In per cent. No kind takes over what was typed for another. */
  objective: string;
  maxErrors: string;
  windowDays: string;
  threshold: string;
  minBad: string;
  indicator: string;
  /** Why, where it loosens. */
  reason: string;
}

interface Kind {
  label: string;
  /** What is asked for in per cent, as the form and the request call it. */
  percent: {
    field: "objective" | "maxErrors";
    label: string;
    hint: string;
    sent: "objective" | "max_error_ratio";
  };
  hasThreshold: boolean;
  text: (slo: Pick<SloStatus, "threshold_seconds">) => string;
}

const OBJECTIVE = {
  field: "objective",
  label: "Objective, %",
  hint: "for example 99.95",
  sent: "objective",
} as const;

/** What an event or a target means that names none. */
const DEFAULT_INDICATOR = "default";

/** Below it more requests may fail than must succeed. */
const LEAST_PLAUSIBLE = 0.5;

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
      field: "maxErrors",
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
      objective: "99.9",
      maxErrors: "0.1",
      windowDays: "30",
      threshold: "",
      minBad: "1",
      indicator: DEFAULT_INDICATOR,
      reason: "",
    };
  }
  const percent = (ratio: number) => String(Number((ratio * 100).toPrecision(12)));
  return {
    name: target.name,
    kind: target.sli_type,
    objective: percent(target.objective),
    maxErrors: percent(1 - target.objective),
    windowDays: String(target.window_days),
    threshold: target.threshold_seconds === null ? "" : String(target.threshold_seconds),
    minBad: String(target.min_bad_events),
    indicator: target.indicator,
    reason: "",
  };
}

export function requestOf(form: TargetFields): NewTarget {
  const { percent, hasThreshold } = KINDS[form.kind];
  return {
    name: form.name.trim(),
    sli_type: form.kind,
    [percent.sent]: ratioOf(form[percent.field]) ?? Number.NaN,
    ...(hasThreshold && { threshold_seconds: Number(form.threshold) }),
    window_days: windowOf(form),
    min_bad_events: Number(form.minBad),
    indicator: indicatorOf(form),
    ...(form.reason.trim() !== "" && { reason: form.reason.trim() }),
  };
}

/** What to ask the stored history; null while the fields make no target. */
export function questionOf(form: TargetFields): PreviewQuestion | null {
  const asked = objectiveOf(form);
  if (asked === null) return null;
  const threshold = KINDS[form.kind].hasThreshold ? Number(form.threshold) : null;
  if (threshold !== null && !(threshold > 0)) return null;
  return {
    objective: asked,
    window_days: windowOf(form),
    threshold_seconds: threshold,
    indicator: indicatorOf(form),
  };
}

/** What the form asks for in a sentence: "1 of 1 000 requests may fail in 30 days."; null: nothing. */
export function sentenceOfForm(form: TargetFields): string | null {
  const asked = objectiveOf(form);
  if (asked === null) return null;
  const late = KINDS[form.kind].hasThreshold;
  if (late && !(Number(form.threshold) > 0)) return null;
  const of = ofIndicator(indicatorOf(form));
  const what = late ? `take longer than ${form.threshold.trim()} s, or fail,` : "fail";
  return `${failing(asked)}${of} may ${what} in ${form.windowDays} days.`;
}

/** What hardly anybody means: that more may fail than must succeed. */
export function doubtOf(form: TargetFields): string | null {
  const asked = objectiveOf(form);
  return asked !== null && asked < LEAST_PLAUSIBLE ? `${failing(asked)} may fail.` : null;
}

/** "5 of 10 000 requests": of as few as it takes to count whole ones. */
function failing(asked: number): string {
  const sizes = [1e3, 1e4, 1e5, 1e6];
  const share = exactComplement(asked);
  const of = (size: number) => Number((share * size).toPrecision(9));
  const size = sizes.find((each) => Number.isInteger(of(each))) ?? 1e6;
  return `${count(of(size))} of ${count(size)} requests`;
}

/** A target in a line: "99.9 % availability over 30 d". */
export function sentenceOf(target: Target): string {
  const within = target.threshold_seconds === null ? "" : ` within ${target.threshold_seconds} s`;
  const kind = target.sli_type.replace("_", " ");
  const of = ofIndicator(target.indicator);
  return `${objective(target.objective)} ${kind}${of}${within} over ${target.window_days} d`;
}

/** " of payments"; nothing for the default indicator, which is the service's own requests. */
export function ofIndicator(indicator: string): string {
  return indicator === DEFAULT_INDICATOR ? "" : ` of ${indicator}`;
}

function indicatorOf(form: TargetFields): string {
  return form.indicator.trim() || DEFAULT_INDICATOR;
}

/** The ratio that is to succeed; null where none is given. */
function objectiveOf(form: TargetFields): number | null {
  const { field } = KINDS[form.kind].percent;
  const ratio = ratioOf(form[field]);
  if (ratio === null || ratio <= 0 || ratio >= 1) return null;
  return field === "maxErrors" ? exactComplement(ratio) : ratio;
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
