import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { ProblemError } from "../../api/client";
import { createService, updateService, type Service } from "../../api/services";
import { Button } from "../../components/ui/Button";
import { SelectField, TextField } from "../../components/ui/Field";
import { Failure } from "../../components/ui/states";

const TIERS = [
  ["1", "1, critical"],
  ["2", "2, important"],
  ["3", "3, standard"],
] as const;
const TIER_NUMBERS: Record<string, 1 | 2 | 3> = { "1": 1, "2": 2, "3": 3 };

export function ServiceForm({ service, onDone }: { service: Service | null; onDone: () => void }) {
  const [form, setForm] = useState({
    name: service?.name ?? "",
    tier: String(service?.tier ?? 3),
    owner: service?.owner ?? "",
    description: service?.description ?? "",
  });
  const queries = useQueryClient();
  const saving = useMutation({
    mutationFn: () => {
      const wording = {
        tier: TIER_NUMBERS[form.tier] ?? 3,
        owner: form.owner.trim(),
        description: form.description.trim() || null,
      };
      return service === null
        ? createService({ name: form.name.trim(), ...wording })
        : updateService(service.name, wording);
    },
    onSuccess: async () => {
      await queries.invalidateQueries();
      onDone();
    },
  });
  const fields = saving.error instanceof ProblemError ? saving.error.fields : [];
  const field = (name: keyof typeof form) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) =>
      setForm({ ...form, [name]: event.target.value }),
    error: fields.find((f) => f.field === name)?.detail,
  });
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        saving.mutate();
      }}
    >
      <TextField
        label="Name"
        required
        disabled={service !== null}
        hint="lower-case letters, digits, dots, dashes; it stays"
        {...field("name")}
      />
      <SelectField label="Tier" options={TIERS} {...field("tier")} />
      <TextField label="Owner" maxLength={128} {...field("owner")} />
      <TextField label="Description" maxLength={2000} {...field("description")} />
      {saving.error && <Failure error={saving.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="primary" disabled={saving.isPending}>
          {service === null ? "Create" : "Save"}
        </Button>
      </div>
    </form>
  );
}
