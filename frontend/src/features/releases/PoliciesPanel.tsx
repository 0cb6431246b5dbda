import { useQuery } from "@tanstack/react-query";

import { policiesQuery, type Policy } from "../../api/release";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";

export function PoliciesPanel() {
  const query = useQuery(policiesQuery);
  return (
    <Panel title="Policies">
      <Shown query={query}>
        {(policies) =>
          policies.length === 0 ? (
            <p className="text-sm text-muted">
              None is in force, so no release is decided on. Set one over REST: PUT /api/policies/…
            </p>
          ) : (
            <ul className="space-y-2">
              {policies.map((policy) => (
                <PolicyText key={policy.name} policy={policy} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Panel>
  );
}

function PolicyText({ policy }: { policy: Policy }) {
  return (
    <li>
      <details>
        <summary className="cursor-pointer text-sm">
          <strong>{policy.name}</strong>{" "}
          <span className="text-muted">
            {policy.source === "file" ? "from a file" : "set over the API"}, hash{" "}
            {policy.hash.slice(0, 12)}
          </span>
        </summary>
        <pre
          tabIndex={0}
          className="mt-2 max-h-80 overflow-auto rounded-md bg-raised p-3 font-mono text-xs"
        >
          {JSON.stringify(policy.document, null, 2)}
        </pre>
      </details>
    </li>
  );
}
