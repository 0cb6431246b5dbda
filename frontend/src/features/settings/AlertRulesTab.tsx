import { useQuery } from "@tanstack/react-query";

import { rulesQuery, type AlertRule } from "../../api/alerts";
import { Panel } from "../../components/ui/Panel";
import { NotAvailable, Shown } from "../../components/ui/states";

export function AlertRulesTab() {
  const query = useQuery(rulesQuery);
  return (
    <Panel title="Alert rules">
      <Shown query={query} height="12rem">
        {(rules) =>
          rules === null ? (
            <NotAvailable what="Alert rules" />
          ) : (
            <ul className="space-y-2">
              {rules.map((rule) => (
                <RuleText key={rule.name} rule={rule} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Panel>
  );
}

function RuleText({ rule }: { rule: AlertRule }) {
  const kind = rule.rule["kind"];
  const enabled = rule.rule["enabled"] !== false;
  return (
    <li>
      <details>
        <summary className="cursor-pointer text-sm">
          <strong>{rule.name}</strong>{" "}
          <span className="text-muted">
            {typeof kind === "string" && `${kind}, `}
            {rule.source}
            {enabled ? "" : ", switched off"}
          </span>
        </summary>
        <pre
          tabIndex={0}
          className="mt-2 max-h-80 overflow-auto rounded-md bg-raised p-3 font-mono text-xs"
        >
          {JSON.stringify(rule.rule, null, 2)}
        </pre>
      </details>
    </li>
  );
}
