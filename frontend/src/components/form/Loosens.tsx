import type { LooseningPreview } from "../../api/loosenings";
import { changeOf } from "../release/LooseningList";
import { ReasonField } from "./ActionDialog";
import { WIDE } from "./FormFrame";
import type { FieldProps } from "./useFields";

interface Props {
  /** Of the change that is being written; undefined while it is not known. */
  preview: LooseningPreview | undefined;
  reason: FieldProps;
}

/** What a change would do to the gate and to alerts; where it loosens, why it is made. */
export function Loosens({ preview, reason }: Props) {
  if (!preview?.loosens) return null;
  return (
    <>
      <div
        data-testid="loosens"
        aria-live="polite"
        className={`rounded-md border border-observe p-3 text-sm leading-6 ${WIDE}`}
      >
        This loosens {preview.title}: {changeOf(preview)}. <strong>{preview.text}.</strong> For a
        day the gate names it{preview.needs_approval && ", once a second person has approved it"}.
      </div>
      {preview.needs_reason && <ReasonField {...reason} />}
    </>
  );
}
