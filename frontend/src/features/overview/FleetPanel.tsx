import { useQuery } from "@tanstack/react-query";

import { fleetSummaryQuery } from "../../api/summary";
import { NarrativeText } from "../../components/NarrativeText";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";

export function FleetPanel() {
  const query = useQuery(fleetSummaryQuery);
  return (
    <Panel title="AI insights on all services">
      <Shown query={query} height="4rem">
        {(narrative) => <NarrativeText narrative={narrative} />}
      </Shown>
    </Panel>
  );
}
