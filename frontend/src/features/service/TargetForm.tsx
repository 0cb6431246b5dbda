import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";

import { createTarget, previewQuery, updateTarget, type Target } from "../../api/slo";
import { keys } from "../../api/keys";
import { targetEffectQuery } from "../../api/loosenings";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { Loosens } from "../../components/form/Loosens";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { WINDOW_DAYS } from "../../lib/vocabulary";
import {
  KINDS,
  doubtOf,
  formOf,
  questionOf,
  requestOf,
  sentenceOfForm,
  type TargetFields,
} from "./targetFields";
import { PreviewText } from "./PreviewText";

const KIND_OPTIONS = Object.entries(KINDS).map(([kind, { label }]) => [kind, label] as const);
const WINDOWS = WINDOW_DAYS.map((days) => [String(days), `${days} days`] as const);

interface Props {
  service: string;
  target: Target | null;
  onDone: () => void;
}

/** A target with what it would have meant for the counts that are stored, while it is written. */
export function TargetForm({ service, target, onDone }: Props) {
  const saving = useSaving<TargetFields>({
    save: (typed) =>
      target === null
        ? createTarget(service, requestOf(typed))
        : updateTarget(target.id, requestOf(typed)),
    renews: [keys.service(service)],
    onDone,
  });
  const { form, field, isPlaced } = useFields(() => formOf(target), saving.error);
  const { percent, hasThreshold } = KINDS[form.kind];
  const question = useDeferredValue(questionOf(form));
  const preview = useQuery(previewQuery(service, question));
  const effect = useQuery(
    targetEffectQuery(service, target, useDeferredValue(question && asRequested(form))),
  );
  return (
    <FormFrame
      verb={target === null ? "Create" : "Save"}
      saving={saving}
      isPlaced={isPlaced}
      sentence={sentenceOfForm(form) ?? undefined}
      doubt={doubtOf(form)}
      onSubmit={() => saving.mutate(form)}
      onCancel={onDone}
    >
      <TextField label="Name" required maxLength={128} {...field("name", "name")} />
      <SelectField label="Kind" options={KIND_OPTIONS} {...field("kind", "sli_type")} />
      <TextField
        label={percent.label}
        required
        inputMode="decimal"
        hint={percent.hint}
        {...field(percent.field, percent.sent)}
      />
      <SelectField label="Window" options={WINDOWS} {...field("windowDays", "window_days")} />
      {hasThreshold && (
        <TextField
          label="Answered within seconds"
          required
          inputMode="decimal"
          hint="a bound of the service's histograms"
          {...field("threshold", "threshold_seconds")}
        />
      )}
      <TextField
        label="Minimum failures"
        required
        type="number"
        min={0}
        hint="below it in 24 h, the level is at most OBSERVE"
        {...field("minBad", "min_bad_events")}
      />
      <TextField
        label="Indicator"
        maxLength={63}
        hint="as the events name it; default: those that name none"
        {...field("indicator", "indicator")}
      />
      <div className={WIDE}>
        <PreviewText query={preview} asked={question !== null} />
      </div>
      <Loosens preview={effect.data} reason={field("reason")} />
    </FormFrame>
  );
}

/** The request without its reason: what it would do does not depend on it. */
function asRequested(form: TargetFields) {
  return requestOf({ ...form, name: form.name.trim() || "unnamed", reason: "" });
}
