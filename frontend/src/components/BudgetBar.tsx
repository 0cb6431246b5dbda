import { budget } from "../lib/format";
import type { Certainty } from "../lib/health";
import { Figure } from "./Figure";

interface Props {
  remaining: number;
  certainty: Certainty;
  label?: boolean;
}

/** What is left of the budget: right of the middle line while there is some, left when overspent. */
export function BudgetBar({ remaining, certainty, label = true }: Props) {
  const overspent = remaining < 0;
  const share = Math.min(1, Math.abs(remaining));
  const width = `${share * (overspent ? 30 : 70)}%`;
  return (
    <div className="flex items-center gap-2">
      <div
        role="img"
        aria-label={wordsOf(remaining, certainty)}
        className="relative h-3 w-24 shrink-0 overflow-hidden rounded-sm bg-raised"
      >
        {certainty !== "none" && (
          <div
            data-fill
            className={`absolute inset-y-0 ${fillOf(remaining, certainty)}`}
            style={overspent ? { right: "70%", width } : { left: "30%", width }}
          />
        )}
        <div className="absolute inset-y-0 left-[30%] w-px bg-strong-line" />
      </div>
      {label && (
        <span className="text-sm whitespace-nowrap">
          <Figure
            certainty={certainty}
            figure={budget(remaining)}
            className={overspent ? "font-semibold text-spent-ink" : ""}
          />
        </span>
      )}
    </div>
  );
}

/** Only what is known has the colour of its state; what was is grey, whatever it was. */
function fillOf(remaining: number, certainty: Certainty): string {
  const hatch = remaining < 0 ? "hatched" : "";
  if (certainty !== "current") return `bg-unknown opacity-60 ${hatch}`;
  if (remaining < 0) return `bg-spent ${hatch}`;
  return remaining < 0.2 ? "bg-danger" : "bg-safe";
}

function wordsOf(remaining: number, certainty: Certainty): string {
  if (certainty === "none") return "budget not known";
  const tense = certainty === "current" ? "left" : "left when it was last known";
  return `${budget(remaining)} of the budget ${tense}`;
}
