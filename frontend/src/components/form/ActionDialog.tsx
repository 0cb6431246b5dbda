import { actorName } from "../../lib/preferences";
import { TextField } from "../ui/Field";
import { Modal } from "../ui/Modal";
import { FormFrame, WIDE } from "./FormFrame";
import { useFields, type FieldProps } from "./useFields";
import { useSaving } from "./useSaving";

interface Props {
  title: string;
  description: string;
  /** What the button says. */
  verb: string;
  danger?: boolean;
  text: "none" | "comment" | "reason";
  act: (actor: string, text: string) => Promise<unknown>;
  onClose: () => void;
}

/** An action that the audit records with who did it, and why. */
export function ActionDialog({
  title,
  description,
  verb,
  danger = false,
  text,
  act,
  onClose,
}: Props) {
  const saving = useSaving<{ actor: string; text: string }>({
    save: (form) => act(form.actor.trim(), form.text.trim()),
    onDone: ({ actor }) => {
      actorName.set(actor.trim());
      onClose();
    },
  });
  const { form, field, isPlaced } = useFields(
    () => ({ actor: actorName.get(), text: "" }),
    saving.error,
  );
  return (
    <Modal open onClose={onClose} title={title} description={description}>
      <FormFrame
        verb={verb}
        danger={danger}
        saving={saving}
        isPlaced={isPlaced}
        onSubmit={() => saving.mutate(form)}
        onCancel={onClose}
      >
        <TextField className={WIDE} label="Your name" required {...field("actor")} />
        {text === "comment" && (
          <TextField className={WIDE} label="Comment" {...field("text", "comment")} />
        )}
        {text === "reason" && <ReasonField {...field("text", "reason")} />}
      </FormFrame>
    </Modal>
  );
}

/** Why something is done, for whoever reads the audit. */
export function ReasonField(props: FieldProps) {
  return (
    <TextField
      className={WIDE}
      label="Reason"
      required
      minLength={10}
      hint="At least 10 characters: whoever reads the audit should understand it"
      {...props}
    />
  );
}
