import { useQuery } from "@tanstack/react-query";

import { deadLetterQuery, replayDeadLetter, type DeadLetter } from "../../api/ingest";
import { keys } from "../../api/keys";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { TextArea, TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";
import { Shown } from "../../components/ui/states";
import { actorName } from "../../lib/preferences";
import { correctedEvent, readable } from "./replay";

/** A dead letter's record, to be corrected and sent again. */
export function ReplayDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useQuery(deadLetterQuery(id));
  return (
    <Modal
      open
      title="Send it again"
      description="As it is, or corrected. It counts as of when it first came."
      onClose={onClose}
    >
      <Shown query={query}>{(found) => <ReplayForm deadLetter={found} onClose={onClose} />}</Shown>
    </Modal>
  );
}

function ReplayForm({ deadLetter, onClose }: { deadLetter: DeadLetter; onClose: () => void }) {
  const original = readable(deadLetter.value ?? "");
  const saving = useSaving<{ actor: string; event: string }>({
    save: async ({ actor, event }) =>
      replayDeadLetter(deadLetter.id, actor.trim(), correctedEvent(event, original)),
    renews: [keys.ingest],
    onDone: ({ actor }) => {
      actorName.set(actor.trim());
      onClose();
    },
  });
  const initial = () => ({ actor: actorName.get(), event: original });
  const { form, field, isPlaced } = useFields(initial, saving.error);
  return (
    <FormFrame
      verb="Send again"
      saving={saving}
      isPlaced={isPlaced}
      onSubmit={() => saving.mutate(form)}
      onCancel={onClose}
    >
      <p className={`text-sm ${WIDE}`}>
        <strong>{deadLetter.code}</strong>: {deadLetter.field} {deadLetter.detail}
      </p>
      <TextArea
        className={WIDE}
        label="Record"
        rows={12}
        spellCheck={false}
        hint={deadLetter.is_complete ? undefined : "Only its beginning is kept: write it whole."}
        {...field("event")}
      />
      <TextField className={WIDE} label="Your name" required {...field("actor")} />
    </FormFrame>
  );
}
