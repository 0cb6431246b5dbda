import { useState } from "react";

import { approveLoosening, undoLoosening, type Loosening } from "../../api/loosenings";
import { attributed, duration } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { useNow } from "../../lib/useNow";
import { withWriteAccess } from "../../lib/writeAccess";
import { ActionDialog } from "../form/ActionDialog";
import { Button } from "../ui/Button";

interface Action {
  kind: "approve" | "undo";
  loosening: Loosening;
}

/** What was promised milder: who, from what, to what and why, and the means to take it back. */
export function LooseningList({ loosenings }: { loosenings: readonly Loosening[] }) {
  const [action, setAction] = useState<Action | null>(null);
  const ask = (kind: Action["kind"], loosening: Loosening) =>
    withWriteAccess(() => setAction({ kind, loosening }));
  return (
    <>
      <ul className="divide-y divide-line">
        {loosenings.map((one) => (
          <Row
            key={one.id}
            loosening={one}
            onUndo={() => ask("undo", one)}
            onApprove={() => ask("approve", one)}
          />
        ))}
      </ul>
      {action && <Dialog action={action} onClose={() => setAction(null)} />}
    </>
  );
}

interface RowProps {
  loosening: Loosening;
  onUndo: () => void;
  onApprove: () => void;
}

function Row({ loosening: one, onUndo, onApprove }: RowProps) {
  const chosenZone = useStore(zone);
  const left = (Date.parse(one.until) - useNow(1000)) / 1000;
  const pending = one.state === "pending" && left > 0;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2 text-sm">
      <span className="min-w-0 flex-1 basis-52">
        <strong>{one.title}</strong>: {changeOf(one)}
        <span className="block text-xs text-muted">
          {attributed(one.actor, one.on_behalf_of)}, {dayTime(one.loosened_at, chosenZone)}:{" "}
          {one.reason || "no reason was given"}
        </span>
      </span>
      <span className="text-xs text-muted">{stateOf(one, left)}</span>
      {pending && <Button onClick={onApprove}>Approve</Button>}
      {(one.can_be_undone || pending) && (
        <Button onClick={onUndo}>{pending ? "Withdraw" : "Undo"}</Button>
      )}
    </li>
  );
}

function Dialog({ action, onClose }: { action: Action; onClose: () => void }) {
  const { kind, loosening } = action;
  const asked = `${loosening.title}: ${changeOf(loosening)}.`;
  if (kind === "approve") {
    return (
      <ActionDialog
        title="Approve what is loosened"
        description={`${asked} It takes another key than the one that asked.`}
        verb="Approve"
        text="none"
        act={(actor) => approveLoosening(loosening, actor)}
        onClose={onClose}
      />
    );
  }
  return (
    <ActionDialog
      title="Undo what was loosened"
      description={`${asked} What was promised before holds again.`}
      verb="Undo"
      text="reason"
      act={(actor, reason) => undoLoosening(loosening, { actor, reason })}
      onClose={onClose}
    />
  );
}

/** "objective 99.9% to 99%, window_days 30 d to 7 d". */
export function changeOf(loosening: Pick<Loosening, "loosened">): string {
  return loosening.loosened
    .map((part) => `${part.field} ${part.before || "none"} to ${part.after || "none"}`)
    .join(", ");
}

function stateOf(loosening: Loosening, left: number): string {
  if (left <= 0) return "shown no more";
  if (loosening.state === "pending") return "waits for a second person";
  if (loosening.state === "standing") return `shown for ${duration(left)} more`;
  return loosening.state;
}
