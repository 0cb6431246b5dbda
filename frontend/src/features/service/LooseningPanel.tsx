import { useQuery } from "@tanstack/react-query";

import { looseningsQuery } from "../../api/loosenings";
import { LooseningList } from "../../components/release/LooseningList";
import { Panel } from "../../components/ui/Panel";

/** What was promised milder of late; nothing where nothing was. */
export function LooseningPanel({ service }: { service: string }) {
  const found = useQuery(looseningsQuery(service)).data ?? [];
  if (found.length === 0) return null;
  return (
    <Panel title="Loosened promises">
      <LooseningList loosenings={found} />
    </Panel>
  );
}
