import { useQuery } from "@tanstack/react-query";

import { narrativeQuery } from "../../api/summary";
import { NarrativeText } from "../../components/NarrativeText";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";

export function NarrativePanel({ service }: { service: string }) {
  const query = useQuery(narrativeQuery(service));
  return (
    <Panel title="AI insights">
      <Shown query={query} height="4rem">
        {(narrative) => <NarrativeText narrative={narrative} />}
      </Shown>
    </Panel>
  );
}
