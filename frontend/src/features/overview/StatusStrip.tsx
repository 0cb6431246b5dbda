import { LOOKS } from "../../components/HealthBadge";
import { HEALTHS, MEANING, type Health } from "../../lib/health";

interface Props {
  counts: Record<Health, number>;
  chosen: readonly Health[];
  onToggle: (health: Health) => void;
}

/** How many services are in which state; each count filters the list. */
export function StatusStrip({ counts, chosen, onToggle }: Props) {
  return (
    <div role="group" aria-label="Services by state" className="grid grid-cols-5 gap-2">
      {HEALTHS.map((health) => {
        const { icon: Icon, ink, fill } = LOOKS[health];
        const pressed = chosen.includes(health);
        return (
          <button
            key={health}
            type="button"
            aria-pressed={pressed}
            title={MEANING[health]}
            onClick={() => onToggle(health)}
            className={`flex min-w-0 flex-col items-start gap-0.5 overflow-hidden rounded-lg border bg-panel px-1.5 py-2 text-left
              hover:bg-raised sm:flex-row sm:items-center sm:gap-3 sm:px-4
              ${pressed ? "border-accent ring-1 ring-accent" : "border-line"}`}
            style={{ borderLeftColor: fill, borderLeftWidth: 4 }}
          >
            <span className="text-xl leading-6 font-bold">{counts[health]}</span>
            <span
              className={`flex min-w-0 items-center gap-1 text-[0.62rem] font-semibold sm:text-sm ${ink}`}
            >
              <Icon size={14} aria-hidden className="hidden shrink-0 sm:block" />
              <span className="truncate">{health === "UNKNOWN" ? "not known" : health}</span>
            </span>
          </button>
        );
      })}
    </div>
  );
}
