import { createOverride, type OverrideRequest } from "../../api/release";
import { keys } from "../../api/keys";
import { actorName } from "../../lib/preferences";
import { CHANGE_CLASSES, type ChangeClass } from "../../lib/vocabulary";
import { ReasonField } from "../form/ActionDialog";
import { FormFrame } from "../form/FormFrame";
import { useFields } from "../form/useFields";
import { useSaving } from "../form/useSaving";
import { SelectField, TextField } from "../ui/Field";
import { Modal } from "../ui/Modal";
import { sentenceOf } from "./overrideSentence";

interface Props {
  service: string;
  /** The class that the page is about: an override is asked for that one unless a person widens it. */
  changeClass?: ChangeClass;
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
  minutes: "30",
  changeClass: "",
  version: "",
  ticket: "",
  uses: "1",
};
type Form = typeof EMPTY;

/** One use of this class within half an hour: whoever wants more says so. */
export function emptyForm(changeClass: ChangeClass): Form {
  return { ...EMPTY, actor: actorName.get(), changeClass };
}

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
    // a block has no uses, also where some were typed before it was chosen
    max_uses: form.decision === "BLOCK" || text(form.uses) === null ? null : Number(form.uses),
  };
}

/** A person decides instead of the gate: who, why and for how long are asked for. */
export function OverrideDialog({ service, changeClass = "feature", onClose }: Props) {
  const creation = useSaving<Form>({
    save: (form) => createOverride(service, requestOf(form)),
    renews: [keys.release(service), keys.overview],
    onDone: (form) => {
      actorName.set(form.actor.trim());
      onClose();
    },
  });
  const { form, field, isPlaced } = useFields(() => emptyForm(changeClass), creation.error);
  return (
    <Modal
      title={`Override the gate for ${service}`}
      description="It counts at once, ends by itself, and stands in the audit with your name."
      open
      onClose={onClose}
    >
      <FormFrame
        verb="Override"
        pendingVerb="Waiting for the gate"
        saving={creation}
        isPlaced={isPlaced}
        sentence={sentenceOf(requestOf(form), service)}
        onSubmit={() => creation.mutate(form)}
        onCancel={onClose}
      >
        <SelectField label="Decision" options={DECISIONS} {...field("decision")} />
        <TextField label="Your name" required autoComplete="username" {...field("actor")} />
        <ReasonField {...field("reason")} />
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
        {form.decision !== "BLOCK" && (
          <TextField
            label="Maximum uses"
            type="number"
            min={1}
            hint="empty: any number"
            {...field("uses", "max_uses")}
          />
        )}
      </FormFrame>
    </Modal>
  );
}
