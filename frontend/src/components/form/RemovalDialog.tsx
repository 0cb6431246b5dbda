import type { QueryKey, UseQueryResult } from "@tanstack/react-query";

import type { LooseningPreview } from "../../api/loosenings";
import { Modal } from "../ui/Modal";
import { FormFrame } from "./FormFrame";
import { Loosens } from "./Loosens";
import { useFields } from "./useFields";
import { useSaving } from "./useSaving";

interface Props {
  title: string;
  description: string;
  /** What the deletion would do. */
  effect: UseQueryResult<LooseningPreview>;
  act: (reason: string) => Promise<unknown>;
  renews?: readonly QueryKey[];
  onClose: () => void;
}

/** Asks once more before a deletion, and why where it loosens. */
export function RemovalDialog({ title, description, effect, act, renews, onClose }: Props) {
  const saving = useSaving<{ reason: string }>({
    save: (form) => act(form.reason.trim()),
    onDone: onClose,
    ...(renews && { renews }),
  });
  const { form, field, isPlaced } = useFields(() => ({ reason: "" }), saving.error);
  return (
    <Modal open title={title} description={description} onClose={onClose}>
      <FormFrame
        verb="Delete"
        danger
        saving={saving}
        isPlaced={isPlaced}
        onSubmit={() => saving.mutate(form)}
        onCancel={onClose}
      >
        <Loosens preview={effect.data} reason={field("reason")} />
      </FormFrame>
    </Modal>
  );
}
