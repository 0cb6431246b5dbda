import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";

import { createTarget, previewQuery, updateTarget, type Target } from "../../api/slo";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { questionOf, requestOf, formOf, type TargetFields } from "./targetFields";
import { PreviewText } from "./PreviewText";

const KINDS = [
  ["availability", "availability: requests that succeed"],
  ["latency", "latency: requests answered in time"],
  ["error_rate", "error rate: the share that may fail"],
] as const;
const WINDOWS = ["7", "14", "28", "30", "90"].map((days) => [days, `${days} days`] as const);

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
    renews: [["service", service]],
    onDone,
  });
  const { form, field } = useFields(() => formOf(target), saving.error);
  const question = useDeferredValue(questionOf(form));
  const preview = useQuery(previewQuery(service, question));
  return (
    <FormFrame
      verb={target === null ? "Create" : "Save"}
      saving={saving}
      onSubmit={() => saving.mutate(form)}
      onCancel={onDone}
    >
      <TextField label="Name" required maxLength={128} {...field("name", "name")} />
      <SelectField label="Kind" options={KINDS} {...field("kind", "sli_type")} />
      <TextField
        label={form.kind === "error_rate" ? "Most errors, %" : "Objective, %"}
        required
        inputMode="decimal"
        hint={form.kind === "error_rate" ? "for example 0.5" : "for example 99.95"}
        {...field("percent", form.kind === "error_rate" ? "max_error_ratio" : "objective")}
      />
      <SelectField label="Window" options={WINDOWS} {...field("windowDays", "window_days")} />
      {form.kind === "latency" && (
        <TextField
          label="Answered within seconds"
          required
          inputMode="decimal"
          hint="a bound of the service's histograms"
          {...field("threshold", "threshold_seconds")}
        />
      )}
      <TextField
        label="Least bad events"
        required
        type="number"
        min={0}
        hint="below it in 24 h, the level is at most OBSERVE"
        {...field("minBad", "min_bad_events")}
      />
      <div className={WIDE}>
        <PreviewText query={preview} asked={question !== null} />
      </div>
    </FormFrame>
  );
}
