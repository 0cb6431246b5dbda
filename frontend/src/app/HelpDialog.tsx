import { Modal } from "../components/ui/Modal";
import { HEALTHS, MEANING } from "../lib/health";

const KEYS = [
  ["/", "search"],
  ["j, k", "next, previous row"],
  ["Enter", "open the row"],
  ["a", "acknowledge the alert of the row"],
  ["1 to 6", "overview, alerts, releases, settings, audit, keys"],
  ["?", "this help"],
  ["Esc", "close, or leave the search"],
] as const;

export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Modal
      title="Help"
      description="Everything works by keyboard; addresses hold what is shown, so they can be sent."
      open={open}
      onClose={onClose}
    >
      <dl className="grid grid-cols-[6rem_1fr] gap-y-1.5 text-sm">
        {KEYS.map(([key, what]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded border border-line bg-raised px-1.5 font-mono">{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h3 className="mt-5 mb-2 text-sm font-semibold">Words</h3>
      <dl className="grid grid-cols-[6rem_1fr] gap-y-1.5 text-sm">
        {HEALTHS.map((health) => (
          <div key={health} className="contents">
            <dt className="font-semibold">{health}</dt>
            <dd>{MEANING[health]}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-4 text-sm text-muted">
        A burn rate of 1× spends the budget exactly over its window. The composite weighs the last 5
        minutes with 40 %, the last hour with 35 % and the last 24 hours with 25 %. Add{" "}
        <code>?wall=1</code> to an address for a wall of screens.
      </p>
    </Modal>
  );
}
