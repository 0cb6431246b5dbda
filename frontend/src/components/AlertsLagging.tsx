import { TriangleAlert } from "lucide-react";

import type { AlertList } from "../api/alerts";
import { zone } from "../lib/preferences";
import { useStore } from "../lib/store";
import { clockTime } from "../lib/time";

/** Says it where alerts may have begun that nobody has noticed. */
export function AlertsLagging({ alerts }: { alerts: AlertList }) {
  const chosenZone = useStore(zone);
  if (!alerts.lagging) return null;
  const since = alerts.confirmedAt && clockTime(alerts.confirmedAt, chosenZone);
  return (
    <p role="alert" className="mb-2 flex items-center gap-2 text-sm text-freeze-ink">
      <TriangleAlert size={15} aria-hidden className="shrink-0" />
      {since
        ? `Alerts have not been evaluated since ${since}: what has begun since then is missing.`
        : "Alerts have never been evaluated: whatever burns, nothing fires."}
    </p>
  );
}
