import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState, type FormEvent } from "react";

import { ProblemError } from "../../api/client";
import { createTarget, previewQuery, updateTarget, type Target } from "../../api/slo";
import { Button } from "../../components/ui/Button";
import { SelectField, TextField } from "../../components/ui/Field";
import { Failure } from "../../components/ui/states";
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
  const [form, setForm] = useState<TargetFields>(() => formOf(target));
  const queries = useQueryClient();
  const question = useDeferredValue(questionOf(form));
  const preview = useQuery(previewQuery(service, question));
  const saving = useMutation({
    mutationFn: () =>
      target === null
        ? createTarget(service, requestOf(form))
        : updateTarget(target.id, requestOf(form)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["service", service] });
      onDone();
    },
  });
  const fields = saving.error instanceof ProblemError ? saving.error.fields : [];
  const field = (name: keyof TargetFields, sent: string) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) =>
      setForm({ ...form, [name]: event.target.value }),
    error: fields.find((f) => f.field === sent)?.detail,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate();
  };
  return (
    <form onSubmit={submit} className="grid gap-3 sm:grid-cols-2">
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
      <div className="sm:col-span-2">
        <PreviewText query={preview} asked={question !== null} />
      </div>
      {saving.error && (
        <div className="sm:col-span-2">
          <Failure error={saving.error} />
        </div>
      )}
      <div className="flex justify-end gap-2 sm:col-span-2">
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="primary" disabled={saving.isPending}>
          {target === null ? "Create" : "Save"}
        </Button>
      </div>
    </form>
  );
}
