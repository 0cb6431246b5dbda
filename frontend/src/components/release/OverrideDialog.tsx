import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { ProblemError } from "../../api/client";
import { CHANGE_CLASSES, createOverride, type OverrideRequest } from "../../api/release";
import { actorName } from "../../lib/preferences";
import { Button } from "../ui/Button";
import { SelectField, TextField } from "../ui/Field";
import { Modal } from "../ui/Modal";
import { Failure } from "../ui/states";

interface Props {
  service: string;
  open: boolean;
  onClose: () => void;
}

const DECISIONS = [
  ["ALLOW", "let releases through"],
  ["WARN", "let them through with a warning"],
  ["BLOCK", "block releases"],
] as const;
const CLASSES = [["", "every class"], ...CHANGE_CLASSES.map((c) => [c, c] as const)] as const;
const EMPTY = {
  decision: "ALLOW",
  actor: "",
  reason: "",
  minutes: "60",
  changeClass: "",
  version: "",
  ticket: "",
  uses: "",
};
type Form = typeof EMPTY;

export function requestOf(form: Form): OverrideRequest {
  const text = (value: string) => value.trim() || null;
  return {
    decision: DECISIONS.find(([name]) => name === form.decision)?.[0] ?? "ALLOW",
    actor: form.actor.trim(),
    reason: form.reason.trim(),
    expires_in_minutes: Number(form.minutes),
    change_class: CHANGE_CLASSES.find((name) => name === form.changeClass) ?? null,
    version: text(form.version),
    ticket: text(form.ticket),
    max_uses: text(form.uses) === null ? null : Number(form.uses),
  };
}

/** A person decides instead of the gate: who, why and for how long are asked for. */
export function OverrideDialog({ service, open, onClose }: Props) {
  const [form, setForm] = useState<Form>(() => ({ ...EMPTY, actor: actorName.get() }));
  const queries = useQueryClient();
  const creation = useMutation({
    mutationFn: () => createOverride(service, requestOf(form)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["service", service, "release"] });
      void queries.invalidateQueries({ queryKey: ["overview"] });
      actorName.set(form.actor.trim());
      setForm({ ...EMPTY, actor: form.actor });
      onClose();
    },
  });
  const fields = creation.error instanceof ProblemError ? creation.error.fields : [];
  const field = (name: keyof Form, sent: string = name) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) =>
      setForm({ ...form, [name]: event.target.value }),
    error: fields.find((f) => f.field === sent)?.detail,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    creation.mutate();
  };
  return (
    <Modal
      title={`Override the gate for ${service}`}
      description="It counts at once, ends by itself, and stands in the audit with your name."
      open={open}
      onClose={onClose}
    >
      <form onSubmit={submit} className="grid gap-3 sm:grid-cols-2">
        <SelectField label="Decision" options={DECISIONS} {...field("decision")} />
        <TextField label="Your name" required autoComplete="username" {...field("actor")} />
        <TextField
          className="sm:col-span-2"
          label="Reason"
          required
          minLength={10}
          hint="At least 10 characters: whoever reads the audit should understand it"
          {...field("reason")}
        />
        <TextField
          label="Ends after minutes"
          type="number"
          min={1}
          max={1440}
          required
          {...field("minutes", "expires_in_minutes")}
        />
        <SelectField
          label="Class of change"
          options={CLASSES}
          {...field("changeClass", "change_class")}
        />
        <TextField label="Only version" hint="empty: every version" {...field("version")} />
        <TextField label="Ticket" {...field("ticket")} />
        <TextField
          label="Most uses"
          type="number"
          min={1}
          hint="empty: any number"
          {...field("uses", "max_uses")}
        />
        <div className="flex items-end justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={creation.isPending}>
            {creation.isPending ? "Waiting for the gate" : "Override"}
          </Button>
        </div>
        {creation.error && (
          <div className="sm:col-span-2">
            <Failure error={creation.error} />
          </div>
        )}
      </form>
    </Modal>
  );
}
