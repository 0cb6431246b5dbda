import { useQuery } from "@tanstack/react-query";
import { Pencil } from "lucide-react";
import { useState } from "react";

import { changeRule, deleteRule, rulesQuery, type AlertRule } from "../../api/alerts";
import { ActionDialog } from "../../components/form/ActionDialog";
import { Button } from "../../components/ui/Button";
import { Modal } from "../../components/ui/Modal";
import { Panel } from "../../components/ui/Panel";
import { Empty, Shown } from "../../components/ui/states";
import { withWriteAccess } from "../../lib/writeAccess";
import { RuleForm } from "./RuleForm";
import { isEnabled, sentenceOf } from "./ruleFields";

type Action = "edit" | "switch" | "reset";

export function AlertRulesTab() {
  const query = useQuery(rulesQuery);
  const [asked, setAsked] = useState<{ rule: AlertRule; action: Action } | null>(null);
  const close = () => setAsked(null);
  return (
    <Panel title="Alert rules">
      <Shown query={query} height="12rem">
        {(rules) =>
          rules.length === 0 ? (
            <Empty title="No rule">
              Without one nothing fires. Add one over REST: POST /api/rules.
            </Empty>
          ) : (
            <ul className="-m-4 divide-y divide-line">
              {rules.map((rule) => (
                <RuleText
                  key={rule.name}
                  rule={rule}
                  onAsk={(action) => withWriteAccess(() => setAsked({ rule, action }))}
                />
              ))}
            </ul>
          )
        }
      </Shown>
      {asked?.action === "edit" && (
        <Modal
          open
          title={`Change ${asked.rule.name}`}
          description="It is evaluated by what stands here from now on."
          onClose={close}
        >
          <RuleForm rule={asked.rule} onDone={close} />
        </Modal>
      )}
      {asked?.action === "switch" && <SwitchDialog rule={asked.rule} onClose={close} />}
      {asked?.action === "reset" && <ResetDialog rule={asked.rule} onClose={close} />}
    </Panel>
  );
}

interface DialogProps {
  rule: AlertRule;
  onClose: () => void;
}

function SwitchDialog({ rule, onClose }: DialogProps) {
  const verb = isEnabled(rule) ? "off" : "on";
  return (
    <ActionDialog
      title={`Switch ${rule.name} ${verb}`}
      description="What fires by it now is resolved when it is switched off."
      verb={`Switch ${verb}`}
      text="reason"
      act={(actor, reason) =>
        changeRule(rule.name, { enabled: !isEnabled(rule) }, { actor, reason })
      }
      onClose={onClose}
    />
  );
}

function ResetDialog({ rule, onClose }: DialogProps) {
  return (
    <ActionDialog
      title={`Take back what was set for ${rule.name}`}
      description="A default rule of this name holds again; without one there is none."
      verb="Take back"
      danger
      text="reason"
      act={(actor, reason) => deleteRule(rule.name, { actor, reason })}
      onClose={onClose}
    />
  );
}

function RuleText({ rule, onAsk }: { rule: AlertRule; onAsk: (action: Action) => void }) {
  const { description, runbook_url: runbook } = rule.rule;
  return (
    <li className="flex flex-wrap items-start gap-x-3 gap-y-1 px-4 py-2 text-sm">
      <div className="min-w-0 flex-1 basis-72">
        <strong>{rule.name}</strong> <span className="text-xs text-muted">{rule.source}</span>
        {!isEnabled(rule) && <strong className="ml-2">switched off</strong>}
        <div className="text-muted">{description}</div>
        <details className="text-xs">
          <summary className="cursor-pointer">{sentenceOf(rule)}</summary>
          <pre
            tabIndex={0}
            className="mt-2 max-h-80 overflow-auto rounded-md bg-raised p-3 font-mono"
          >
            {JSON.stringify(rule.rule, null, 2)}
          </pre>
        </details>
        {runbook && (
          <a href={runbook} rel="noreferrer" className="text-xs underline">
            runbook
          </a>
        )}
      </div>
      <span className="flex gap-1">
        {rule.source !== "default" && <Button onClick={() => onAsk("reset")}>Take back …</Button>}
        <Button onClick={() => onAsk("switch")}>
          {isEnabled(rule) ? "Switch off" : "Switch on"}
        </Button>
        <Button look="quiet" aria-label={`Edit ${rule.name}`} onClick={() => onAsk("edit")}>
          <Pencil size={15} aria-hidden />
        </Button>
      </span>
    </li>
  );
}
