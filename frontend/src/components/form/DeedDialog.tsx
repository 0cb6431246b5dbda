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
  grave?: boolean;
  text: "none" | "comment" | "reason";
  act: (actor: string, text: string) => Promise<unknown>;
  onClose: () => void;
}

/** Something that is written down with who did it, and why. */
export function DeedDialog({ title, description, verb, grave = false, text, act, onClose }: Props) {
  const deed = useSaving<{ actor: string; words: string }>({
    save: ({ actor, words }) => act(actor.trim(), words.trim()),
    onDone: ({ actor }) => {
      actorName.set(actor.trim());
      onClose();
    },
  });
  const { form, field } = useFields(() => ({ actor: actorName.get(), words: "" }), deed.error);
  return (
    <Modal open onClose={onClose} title={title} description={description}>
      <FormFrame
        verb={verb}
        grave={grave}
        saving={deed}
        onSubmit={() => deed.mutate(form)}
        onCancel={onClose}
      >
        <TextField className={WIDE} label="Your name" required {...field("actor")} />
        {text === "comment" && (
          <TextField className={WIDE} label="Comment" {...field("words", "comment")} />
        )}
        {text === "reason" && <ReasonField {...field("words", "reason")} />}
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
