import { createService, updateService, type Service } from "../../api/services";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
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
  };
}

type Fields = ReturnType<typeof fieldsOf>;

export function ServiceForm({ service, onDone }: { service: Service | null; onDone: () => void }) {
  const saving = useSaving<Fields>({
    save: (form) => {
      const wording = {
        tier: TIERS.find((tier) => String(tier) === form.tier) ?? 3,
        owner: form.owner.trim(),
        description: form.description.trim() || null,
      };
      return service === null
        ? createService({ name: form.name.trim(), ...wording })
        : updateService(service.name, wording);
    },
    onDone,
  });
  const { form, field, isPlaced } = useFields(() => fieldsOf(service), saving.error);
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
    </FormFrame>
  );
}
