import { Tabs } from "radix-ui";
import { useSearchParams } from "react-router-dom";

import { AlertRulesTab } from "./AlertRulesTab";
import { ChannelsTab } from "./ChannelsTab";
import { IngestTab } from "./IngestTab";
import { ServicesTab } from "./ServicesTab";

const TABS = [
  ["services", "Services", ServicesTab],
  ["ingest", "Ingest health", IngestTab],
  ["rules", "Alert rules", AlertRulesTab],
  ["channels", "Channels", ChannelsTab],
] as const;

export function SettingsPage() {
  const [search, setSearch] = useSearchParams();
  const tab = search.get("tab") ?? "services";
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-2xl font-bold">Settings</h1>
      <Tabs.Root
        value={tab}
        onValueChange={(value) => setSearch({ tab: value }, { replace: true })}
      >
        <Tabs.List
          aria-label="Settings"
          className="mb-3 flex gap-1 overflow-x-auto border-b border-line"
        >
          {TABS.map(([name, label]) => (
            <Tabs.Trigger
              key={name}
              value={name}
              className="border-b-2 border-transparent px-2 py-2 text-sm whitespace-nowrap text-muted sm:px-3
                data-[state=active]:border-accent data-[state=active]:font-semibold data-[state=active]:text-ink"
            >
              {label}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {TABS.map(([name, , Content]) => (
          <Tabs.Content key={name} value={name}>
            <Content />
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </div>
  );
}
