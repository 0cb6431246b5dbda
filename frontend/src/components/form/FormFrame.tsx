import type { ReactNode } from "react";

import { Button } from "../ui/Button";
import { Failure } from "../ui/states";

interface Props {
  verb: string;
  /** What the button says while the server has not answered. */
  pendingVerb?: string;
  danger?: boolean;
  saving: { isPending: boolean; error: Error | null };
  onSubmit: () => void;
  onCancel: () => void;
  children?: ReactNode;
}

/** Takes both columns of the frame. */
export const WIDE = "sm:col-span-2";

/** The frame of every form: fields in two columns, what went wrong, and the two buttons. */
export function FormFrame(props: Props) {
  const { verb, pendingVerb = verb, danger = false, saving, onSubmit, onCancel } = props;
  return (
    <form
      className="grid items-start gap-3 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {props.children}
      {saving.error && (
        <div className={WIDE}>
          <Failure error={saving.error} />
        </div>
      )}
      <div className={`flex justify-end gap-2 ${WIDE}`}>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look={danger ? "danger" : "primary"} disabled={saving.isPending}>
          {saving.isPending ? pendingVerb : verb}
        </Button>
      </div>
    </form>
  );
}
