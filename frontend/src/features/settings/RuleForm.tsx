import { changeRule, type AlertRule } from "../../api/alerts";
import { keys } from "../../api/keys";
import { ReasonField } from "../../components/form/ActionDialog";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { actorName } from "../../lib/preferences";
import { SEVERITIES } from "../../lib/vocabulary";
import {
  changesOf,
  fieldsOf,
  promiseOf,
  statementOf,
  thresholdOf,
  type RuleFields,
} from "./ruleFields";

const SEVERITY_OPTIONS = SEVERITIES.toReversed().map((name) => [name, name] as const);
const SECONDS = { type: "number", min: 0, max: 604_800, required: true };

/** When a rule fires, when it notifies again, whom, and what the reader is to do. */
export function RuleForm({ rule, onDone }: { rule: AlertRule; onDone: () => void }) {
  const saving = useSaving<RuleFields>({
    save: (form) => changeRule(rule.name, changesOf(rule, form), statementOf(form)),
    renews: [keys.rules],
    onDone: (form) => {
      actorName.set(form.actor.trim());
      onDone();
    },
  });
  const { form, field, isPlaced } = useFields(() => fieldsOf(rule, actorName.get()), saving.error);
  return (
    <FormFrame
      verb="Save"
      saving={saving}
      isPlaced={isPlaced}
      sentence={promiseOf({ ...rule, rule: { ...rule.rule, ...changesOf(rule, form) } })}
      onSubmit={() => saving.mutate(form)}
      onCancel={onDone}
    >
      {rule.rule.levels.map((level, i) => (
        <SelectField
          key={i}
          label={`Severity at ${thresholdOf(level)}`}
          options={SEVERITY_OPTIONS}
          {...field(`severity${i}`, `changes.levels[${i}].severity`)}
        />
      ))}
      <TextField
        label="Must hold for, seconds"
        hint="how long it must be so before it fires"
        {...SECONDS}
        {...field("hold", "changes.for_seconds")}
      />
      <TextField
        label="Resolve after, seconds"
        hint="how long it must be well before it resolves"
        {...SECONDS}
        {...field("resolve", "changes.resolve_for_seconds")}
      />
      <TextField
        label="Cooldown, seconds"
        hint="before a new episode is notified of"
        {...SECONDS}
        {...field("cooldown", "changes.cooldown_seconds")}
      />
      <TextField
        label="Minimum failures"
        type="number"
        min={0}
        required
        {...field("minBad", "changes.min_bad_events")}
      />
      <TextField
        label="Notify again at"
        hint="times the burn rate; empty: never"
        type="number"
        min={1.1}
        step="any"
        {...field("renotify", "changes.renotify_ratio")}
      />
      <TextField
        label="Channels"
        hint="by name, with commas"
        {...field("channels", "changes.channels")}
      />
      <TextField label="Runbook" type="url" {...field("runbook", "changes.runbook_url")} />
      <TextField className={WIDE} label="Your name" required {...field("actor")} />
      <ReasonField {...field("reason")} />
    </FormFrame>
  );
}
