import { changeRule, type AlertRule } from "../../api/alerts";
import { ReasonField } from "../../components/form/DeedDialog";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { actorName } from "../../lib/preferences";
import {
  SEVERITIES,
  changesOf,
  fieldsOf,
  levelsOf,
  statementOf,
  thresholdOf,
  type RuleFields,
} from "./ruleFields";

const SEVERITY_OPTIONS = SEVERITIES.map((name) => [name, name] as const);
const SECONDS = { type: "number", min: 0, max: 604_800, required: true };

/** When a rule fires, when it tells again, whom, and what the reader is to do. */
export function RuleForm({ rule, onDone }: { rule: AlertRule; onDone: () => void }) {
  const saving = useSaving<RuleFields>({
    save: (form) => changeRule(rule.name, changesOf(rule, form), statementOf(form)),
    renews: [["alerts", "rules"]],
    onDone: (form) => {
      actorName.set(form.actor.trim());
      onDone();
    },
  });
  const { form, field } = useFields(() => fieldsOf(rule, actorName.get()), saving.error);
  return (
    <FormFrame verb="Save" saving={saving} onSubmit={() => saving.mutate(form)} onCancel={onDone}>
      {levelsOf(rule).map((level, i) => (
        <SelectField
          key={i}
          label={`Severity at ${thresholdOf(level)}`}
          options={SEVERITY_OPTIONS}
          {...field(`severity${i}`, `levels[${i}].severity`)}
        />
      ))}
      <TextField
        label="Hold, seconds"
        hint="so long it must be so before it fires"
        {...SECONDS}
        {...field("hold", "for_seconds")}
      />
      <TextField
        label="End after, seconds"
        hint="so long it must be well before it ends"
        {...SECONDS}
        {...field("resolve", "resolve_for_seconds")}
      />
      <TextField
        label="Cooldown, seconds"
        hint="before the next episode is told"
        {...SECONDS}
        {...field("cooldown", "cooldown_seconds")}
      />
      <TextField
        label="Least bad events"
        type="number"
        min={0}
        required
        {...field("minBad", "min_bad_events")}
      />
      <TextField label="Channels" hint="by name, with commas" {...field("channels")} />
      <TextField label="Runbook" type="url" {...field("runbook", "runbook_url")} />
      <TextField className={WIDE} label="Your name" required {...field("actor")} />
      <ReasonField {...field("reason")} />
    </FormFrame>
  );
}
