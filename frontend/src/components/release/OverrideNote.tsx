import type { OverviewRow } from "../../api/overview";
import { attributed, duration } from "../../lib/format";
import { useNow } from "../../lib/useNow";

type Known = NonNullable<NonNullable<OverviewRow["decision"]>["override"]>;

/** Who has decided instead of the gate, how long that lasts, and how often it was used. */
export function OverrideNote({ override }: { override: Known }) {
  const left = (Date.parse(override.expires_at) - useNow(1000)) / 1000;
  const uses = override.max_uses === null ? `${override.uses}` : usesOf(override);
  return (
    <span className="text-overridden-ink">
      {attributed(override.actor, override.on_behalf_of)}, {duration(Math.max(0, left))} left, used{" "}
      {uses}: {override.reason}
    </span>
  );
}

function usesOf({ uses, max_uses }: Known): string {
  return `${uses} of ${String(max_uses)}`;
}
