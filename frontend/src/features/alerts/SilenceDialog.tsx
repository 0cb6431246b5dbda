import { createSilence, type Silence, type SilenceRequest } from "../../api/alerts";
import { keys } from "../../api/keys";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { Button } from "../../components/ui/Button";
import { SelectField, TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";
import { duration } from "../../lib/format";
import { actorName } from "../../lib/preferences";
import { MATCHED_LABELS } from "../../lib/vocabulary";

const LABELS = MATCHED_LABELS.map((name) => [name, name] as const);

type Matcher = SilenceRequest["matchers"][number];

interface Props {
  /** What is to be silenced; where it is not given it is asked for. */
  matchers?: Matcher[];
  onClose: () => void;
}

const EMPTY = { name: "service", value: "", minutes: "60", createdBy: "", comment: "" };

export function SilenceDialog({ matchers, onClose }: Props) {
  const creation = useSaving<typeof EMPTY, Silence>({
    save: (form) => createSilence(requestOf(form, matchers)),
    renews: [keys.alerts],
    onDone: (form, silence) => {
      actorName.set(form.createdBy.trim());
      if (silence.warning === null) onClose();
    },
  });
  const initial = () => ({ ...EMPTY, createdBy: actorName.get() });
  const { form, setForm, field, isPlaced } = useFields(initial, creation.error);
  if (creation.data?.warning) {
    return (
      <Modal
        open
        onClose={onClose}
        title="Silenced"
        description={`It is in force, but ${creation.data.warning}. Look for a slip; it can be ended in the list.`}
      >
        <Button onClick={onClose}>Close</Button>
      </Modal>
    );
  }
  return (
    <Modal
      open
      onClose={onClose}
      title={matchers ? `Silence ${matchers.map((m) => m.value).join(", ")}` : "New silence"}
      description="It ends by itself, and can be ended before."
    >
      <FormFrame
        verb="Silence"
        saving={creation}
        isPlaced={isPlaced}
        sentence={sentenceOf(requestOf(form, matchers))}
        onSubmit={() => creation.mutate(form)}
        onCancel={onClose}
      >
        {!matchers && (
          <SelectField
            label="Label"
            options={LABELS}
            {...field("name")}
            // the name of a service is none of a team
            onChange={({ target }) => setForm((now) => ({ ...now, name: target.value, value: "" }))}
          />
        )}
        {!matchers && <TextField label="Is" required {...field("value", "matchers")} />}
        <TextField
          label="For minutes"
          type="number"
          min={1}
          required
          {...field("minutes", "duration_minutes")}
        />
        <TextField label="Your name" required {...field("createdBy", "created_by")} />
        <TextField label="Why" required className={WIDE} {...field("comment")} />
      </FormFrame>
    </Modal>
  );
}

/** What a silence will do, in plain words, while it is written. */
export function sentenceOf({ matchers, duration_minutes: minutes }: SilenceRequest): string {
  const labels = matchers.map(({ name, value }) => `${name} is ${value || "…"}`).join(" and ");
  return (
    `For ${duration((minutes ?? 0) * 60)} from now nobody is notified of alerts whose ${labels}. ` +
    "They are evaluated and shown all the same."
  );
}

function requestOf(form: typeof EMPTY, matchers?: Matcher[]): SilenceRequest {
  const name = MATCHED_LABELS.find((known) => known === form.name) ?? "service";
  return {
    matchers: matchers ?? [{ name, value: form.value.trim() }],
    duration_minutes: Number(form.minutes),
    created_by: form.createdBy.trim(),
    comment: form.comment.trim(),
  };
}
