import { budget } from "../lib/format";

interface Props {
  remaining: number;
  known: boolean;
  label?: boolean;
}

/** What is left of the budget: right of the middle line while there is some, left when overspent. */
export function BudgetBar({ remaining, known, label = true }: Props) {
  const overspent = remaining < 0;
  const share = Math.min(1, Math.abs(remaining));
  const width = `${share * (overspent ? 30 : 70)}%`;
  const fill = overspent ? "bg-spent hatched" : remaining < 0.2 ? "bg-danger" : "bg-safe";
  return (
    <div className="flex items-center gap-2">
      <div
        role="img"
        aria-label={known ? `${budget(remaining)} of the budget left` : "budget not known"}
        className="relative h-3 w-24 shrink-0 overflow-hidden rounded-sm bg-raised"
      >
        {known && (
          <div
            className={`absolute inset-y-0 ${fill}`}
            style={overspent ? { right: "70%", width } : { left: "30%", width }}
          />
        )}
        <div className="absolute inset-y-0 left-[30%] w-px bg-strong-line" />
      </div>
      {label && (
        <span className={`text-sm ${overspent && known ? "font-semibold text-spent-ink" : ""}`}>
          {known ? budget(remaining) : "–"}
        </span>
      )}
    </div>
  );
}
