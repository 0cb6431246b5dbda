import { useState } from "react";

import { createKey, rotateKey, type ApiKey, type MadeKey, type Scope } from "../../api/apiKeys";
import { keys } from "../../api/keys";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";
import { OVERLAPS, SCOPES, requestOf, rotationOf, sentenceOf, type KeyFields } from "./keyFields";

interface Props {
  onMade: (made: MadeKey) => void;
  onClose: () => void;
}

export function NewKeyDialog({ onMade, onClose }: Props) {
  const [scopes, setScopes] = useState<readonly Scope[]>(["read"]);
  const saving = useSaving<KeyFields, MadeKey>({
    save: (form) => createKey(requestOf(form, scopes)),
    renews: [keys.apiKeys],
    onDone: (_, made) => onMade(made),
  });
  const { form, field, isPlaced } = useFields(() => ({ name: "", days: "365" }), saving.error);
  return (
    <Modal open title="New key" description="For one person or one pipeline." onClose={onClose}>
      <FormFrame
        verb="Create"
        saving={saving}
        isPlaced={isPlaced}
        sentence={sentenceOf(form, scopes)}
        onSubmit={() => saving.mutate(form)}
        onCancel={onClose}
      >
        <TextField label="Name" hint="whose it is, or what for" required {...field("name")} />
        <TextField
          label="Expires after days"
          type="number"
          min={1}
          max={3650}
          hint="empty: never by itself"
          {...field("days", "expires_in_days")}
        />
        <ScopeBoxes chosen={scopes} onChange={setScopes} />
      </FormFrame>
    </Modal>
  );
}

interface BoxesProps {
  chosen: readonly Scope[];
  onChange: (chosen: readonly Scope[]) => void;
}

function ScopeBoxes({ chosen, onChange }: BoxesProps) {
  return (
    <fieldset className={WIDE}>
      <legend className="mb-1 text-sm font-medium">Scopes</legend>
      {(Object.keys(SCOPES) as Scope[]).map((scope) => (
        <label key={scope} className="flex gap-2 text-sm">
          <input
            type="checkbox"
            checked={chosen.includes(scope)}
            // a key that opens nothing is none
            required={chosen.length === 0}
            onChange={({ target }) =>
              onChange(target.checked ? [...chosen, scope] : chosen.filter((s) => s !== scope))
            }
          />
          <span>
            <strong>{scope}</strong> <span className="text-muted">{SCOPES[scope]}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

export function RotateDialog({ apiKey, onMade, onClose }: Props & { apiKey: ApiKey }) {
  const saving = useSaving<{ overlap: string }, MadeKey>({
    save: ({ overlap }) => rotateKey(apiKey.id, Number(overlap)),
    renews: [keys.apiKeys],
    onDone: (_, made) => onMade(made),
  });
  const { form, field, isPlaced } = useFields(() => ({ overlap: "24" }), saving.error);
  return (
    <Modal
      open
      title={`Rotate ${apiKey.name}`}
      description="Name and scopes stay; whoever uses it is given the new secret."
      onClose={onClose}
    >
      <FormFrame
        verb="Rotate"
        saving={saving}
        isPlaced={isPlaced}
        sentence={rotationOf(apiKey, form.overlap)}
        onSubmit={() => saving.mutate(form)}
        onCancel={onClose}
      >
        <SelectField
          className={WIDE}
          label="The present secret ends"
          options={OVERLAPS}
          {...field("overlap", "overlap_hours")}
        />
      </FormFrame>
    </Modal>
  );
}
