import { useQuery } from "@tanstack/react-query";

import { serviceEffectQuery } from "../../api/loosenings";
import { createService, updateService, type Service } from "../../api/services";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { Loosens } from "../../components/form/Loosens";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { TIERS, TIER_WORDS } from "../../lib/vocabulary";

const TIER_OPTIONS = TIERS.map((tier) => [String(tier), `${tier}, ${TIER_WORDS[tier]}`] as const);

function fieldsOf(service: Service | null) {
  return {
    name: service?.name ?? "",
    tier: String(service?.tier ?? 3),
    owner: service?.owner ?? "",
    description: service?.description ?? "",
    reason: "",
  };
}

type Fields = ReturnType<typeof fieldsOf>;

function wordingOf(form: Fields) {
  return {
    tier: TIERS.find((tier) => String(tier) === form.tier) ?? 3,
    owner: form.owner.trim(),
    description: form.description.trim() || null,
    ...(form.reason.trim() !== "" && { reason: form.reason.trim() }),
  };
}

export function ServiceForm({ service, onDone }: { service: Service | null; onDone: () => void }) {
  const saving = useSaving<Fields>({
    save: (form) =>
      service === null
        ? createService({ name: form.name.trim(), ...wordingOf(form) })
        : updateService(service.name, wordingOf(form)),
    onDone,
  });
  const { form, field, isPlaced } = useFields(() => fieldsOf(service), saving.error);
  // of the wording only the tier is promised
  const moved = service !== null && form.tier !== String(service.tier);
  const effect = useQuery(
    serviceEffectQuery(
      form.name,
      moved ? wordingOf({ ...fieldsOf(service), tier: form.tier }) : null,
    ),
  );
  return (
    <FormFrame
      verb={service === null ? "Create" : "Save"}
      saving={saving}
      isPlaced={isPlaced}
      sentence={`${form.name.trim() || "It"} is of tier ${form.tier}, and held to what policies and rules say of that tier.`}
      onSubmit={() => saving.mutate(form)}
      onCancel={onDone}
    >
      <TextField
        label="Name"
        required
        disabled={service !== null}
        hint="lower-case letters, digits, dots, dashes; it stays"
        {...field("name")}
      />
      <SelectField label="Tier" options={TIER_OPTIONS} {...field("tier")} />
      <TextField className={WIDE} label="Owner" maxLength={128} {...field("owner")} />
      <TextField className={WIDE} label="Description" maxLength={2000} {...field("description")} />
      <Loosens preview={moved ? effect.data : undefined} reason={field("reason")} />
    </FormFrame>
  );
}
