import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { rulesQuery, switchRule, type AlertRule } from "../../api/alerts";
import { DeedDialog } from "../../components/form/DeedDialog";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { withWriteAccess } from "../../lib/writeAccess";

const isEnabled = (rule: AlertRule) => rule.rule["enabled"] !== false;

export function AlertRulesTab() {
  const query = useQuery(rulesQuery);
  const [switched, setSwitched] = useState<AlertRule | null>(null);
  return (
    <Panel title="Alert rules">
      <Shown query={query} height="12rem">
        {(rules) => (
          <ul className="-m-4 divide-y divide-line">
            {rules.map((rule) => (
              <RuleText
                key={rule.name}
                rule={rule}
                onSwitch={() => withWriteAccess(() => setSwitched(rule))}
              />
            ))}
          </ul>
        )}
      </Shown>
      {switched && (
        <DeedDialog
          title={`Switch ${switched.name} ${isEnabled(switched) ? "off" : "on"}`}
          description="What fires by it now is resolved when it is switched off."
          verb={isEnabled(switched) ? "Switch off" : "Switch on"}
          text="reason"
          act={(actor, reason) =>
            switchRule(switched.name, { enabled: !isEnabled(switched), actor, reason })
          }
          onClose={() => setSwitched(null)}
        />
      )}
    </Panel>
  );
}

function RuleText({ rule, onSwitch }: { rule: AlertRule; onSwitch: () => void }) {
  const kind = rule.rule["kind"];
  const enabled = isEnabled(rule);
  return (
    <li className="flex items-start gap-3 px-4 py-2">
      <details className="min-w-0 flex-1">
        <summary className="cursor-pointer text-sm">
          <strong>{rule.name}</strong>{" "}
          <span className="text-muted">
            {typeof kind === "string" && `${kind.replaceAll("_", " ")}, `}
            {rule.source}
          </span>
          {!enabled && <strong className="ml-2">switched off</strong>}
        </summary>
        <pre
          tabIndex={0}
          className="mt-2 max-h-80 overflow-auto rounded-md bg-raised p-3 font-mono text-xs"
        >
          {JSON.stringify(rule.rule, null, 2)}
        </pre>
      </details>
      <Button onClick={onSwitch}>{enabled ? "Switch off" : "Switch on"}</Button>
    </li>
  );
}
