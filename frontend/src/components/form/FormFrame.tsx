import type { ReactNode } from "react";

import { ProblemError } from "../../api/client";
import { Button } from "../ui/Button";
import { Failure } from "../ui/states";

interface Props {
  verb: string;
  /** What the button says while the server has not answered. */
  pendingVerb?: string;
  danger?: boolean;
  saving: { isPending: boolean; error: Error | null };
  /** Which of the server's fields stand in the form, each with what is wrong with it. */
  isPlaced?: (field: string) => boolean;
  /** What will be when it is saved, in a sentence. */
  sentence?: ReactNode;
  /** What hardly anybody means, and is therefore to be said twice; null: nothing. */
  doubt?: string | null;
  onSubmit: () => void;
  onCancel: () => void;
  children?: ReactNode;
}

/** Takes both columns of the frame. */
export const WIDE = "sm:col-span-2";

/** The frame of every form: fields in two columns, what went wrong, and the two buttons. */
export function FormFrame(props: Props) {
  const { verb, pendingVerb = verb, danger = false, saving, onSubmit, onCancel } = props;
  const error = unplaced(saving.error, props.isPlaced);
  return (
    <form
      className="grid items-start gap-3 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {props.children}
      {props.sentence !== undefined && (
        <p data-testid="sentence" aria-live="polite" className={`text-sm leading-6 ${WIDE}`}>
          {props.sentence}
        </p>
      )}
      {props.doubt && <Doubt key={props.doubt} says={props.doubt} />}
      {error && (
        <div className={WIDE}>
          <Failure error={error} />
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

/** What is left to be said of an error beside what stands at the fields; null: nothing. */
function unplaced(error: Error | null, isPlaced?: (field: string) => boolean): Error | null {
  if (!(error instanceof ProblemError) || isPlaced === undefined) return error;
  const rest = error.fields.filter(({ field }) => !isPlaced(field));
  if (error.fields.length > 0 && rest.length === 0) return null;
  return new ProblemError(error.status, error.code, error.message, error.requestId, rest);
}

/** The browser does not send the form before this is ticked; another doubt is ticked anew. */
function Doubt({ says }: { says: string }) {
  return (
    <label className={`flex gap-2 rounded-md border border-freeze p-3 text-sm ${WIDE}`}>
      <input type="checkbox" required className="mt-1" />
      <span>
        <strong>{says}</strong> Tick this if that is what you mean.
      </span>
    </label>
  );
}
