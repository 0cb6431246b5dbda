import type { QueryKey } from "@tanstack/react-query";

import { Modal } from "../ui/Modal";
import { FormFrame } from "./FormFrame";
import { useSaving } from "./useSaving";

interface Props {
  title: string;
  description: string;
  verb: string;
  act: () => Promise<unknown>;
  renews?: readonly QueryKey[];
  onClose: () => void;
}

/** Asks once more before something that cannot be taken back by a press. */
export function ConfirmDialog({ title, description, verb, act, renews, onClose }: Props) {
  const saving = useSaving({ save: act, onDone: onClose, ...(renews && { renews }) });
  return (
    <Modal open title={title} description={description} onClose={onClose}>
      <FormFrame
        verb={verb}
        danger
        saving={saving}
        onSubmit={() => saving.mutate()}
        onCancel={onClose}
      />
    </Modal>
  );
}
