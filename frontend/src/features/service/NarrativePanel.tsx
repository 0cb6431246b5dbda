import { useQuery } from "@tanstack/react-query";

import { releaseQuery } from "../../api/release";
import type { SloReport } from "../../api/slo";
import { agrees, narrativeQuery } from "../../api/summary";
import { NarrativeText } from "../../components/NarrativeText";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";

/** Words on a service; those of another moment than the page's figures say of which. */
export function NarrativePanel({ report }: { report: SloReport }) {
  const release = useQuery(releaseQuery(report.service_name)).data;
  const shown = { ...report, decision_id: release ? release.decision_id || null : undefined };
  const query = useQuery(narrativeQuery(report.service_name, shown));
  const chosenZone = useStore(zone);
  return (
    <Panel title="AI insights">
      <Shown query={query} height="4rem">
        {(narrative) => (
          <>
            {!agrees(narrative, shown) && (
              <p className="text-sm font-medium text-unknown-ink">
                By the figures of {dayTime(narrative.figures_at, chosenZone)}, not by those beside
                it:
              </p>
            )}
            <NarrativeText narrative={narrative} />
          </>
        )}
      </Shown>
    </Panel>
  );
}
