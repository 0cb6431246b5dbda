import { useQuery } from "@tanstack/react-query";
import { BellOff } from "lucide-react";
import { useState } from "react";

import { createSilence, expireSilence, silencesQuery } from "../../api/alerts";
import type { Silence, SilenceRequest } from "../../api/alerts";
import { DeedDialog } from "../../components/form/DeedDialog";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { Button } from "../../components/ui/Button";
import { SelectField, TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { actorName, zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { withWriteAccess } from "../../lib/writeAccess";

const NAMES = ["service", "alertname", "severity", "tier", "team"] as const;
const LABELS = NAMES.map((name) => [name, name] as const);
const EMPTY = { name: "service", value: "", minutes: "60", createdBy: "", comment: "" };

export function SilencesPanel() {
  const query = useQuery(silencesQuery);
  const [asking, setAsking] = useState(false);
  return (
    <Panel
      title="Silences"
      aside={
        query.data && (
          <Button onClick={() => withWriteAccess(() => setAsking(true))}>
            <BellOff size={14} aria-hidden /> New silence
          </Button>
        )
      }
    >
      <Shown query={query} height="3rem">
        {(silences) => <SilenceList silences={silences.filter((s) => s.state !== "expired")} />}
      </Shown>
      {asking && <SilenceDialog onClose={() => setAsking(false)} />}
    </Panel>
  );
}

function SilenceList({ silences }: { silences: readonly Silence[] }) {
  const chosenZone = useStore(zone);
  const [ended, setEnded] = useState<Silence | null>(null);
  if (silences.length === 0) {
    return <p className="text-sm text-muted">Nothing is silenced: what fires is told.</p>;
  }
  return (
    <ul className="divide-y divide-line text-sm">
      {silences.map((silence) => (
        <li key={silence.id} className="flex flex-wrap items-center gap-3 py-1.5">
          <span className="font-mono text-xs">
            {silence.matchers.map((m) => `${m.name}${m.is_equal ? "=" : "≠"}${m.value}`).join(", ")}
          </span>
          <span className="min-w-0 flex-1">
            {silence.created_by}: {silence.comment}
          </span>
          <span className="text-xs text-muted">
            {silence.state}, until {dayTime(silence.ends_at, chosenZone)}
          </span>
          <Button onClick={() => withWriteAccess(() => setEnded(silence))}>End</Button>
        </li>
      ))}
      {ended && (
        <DeedDialog
          title="End the silence"
          description={`${ended.created_by}: ${ended.comment}`}
          verb="End it"
          text="reason"
          act={(actor, reason) => expireSilence(ended.id, actor, reason)}
          onClose={() => setEnded(null)}
        />
      )}
    </ul>
  );
}

function SilenceDialog({ onClose }: { onClose: () => void }) {
  const creation = useSaving<typeof EMPTY>({
    save: (form) => createSilence(requestOf(form)),
    renews: [["alerts"]],
    onDone: (form) => {
      actorName.set(form.createdBy.trim());
      onClose();
    },
  });
  const initial = () => ({ ...EMPTY, createdBy: actorName.get() });
  const { form, field } = useFields(initial, creation.error);
  return (
    <Modal
      open
      onClose={onClose}
      title="New silence"
      description="Nobody is told of what matches; it is evaluated and shown all the same."
    >
      <FormFrame
        verb="Silence"
        saving={creation}
        onSubmit={() => creation.mutate(form)}
        onCancel={onClose}
      >
        <SelectField label="Label" options={LABELS} {...field("name")} />
        <TextField label="Is" required {...field("value")} />
        <TextField
          label="For minutes"
          type="number"
          min={1}
          required
          {...field("minutes", "duration_minutes")}
        />
        <TextField label="Your name" required {...field("createdBy", "created_by")} />
        <TextField label="Why" required className={WIDE} {...field("comment")} />
      </FormFrame>
    </Modal>
  );
}

function requestOf(form: typeof EMPTY): SilenceRequest {
  const name = NAMES.find((known) => known === form.name) ?? "service";
  return {
    matchers: [{ name, value: form.value.trim() }],
    duration_minutes: Number(form.minutes),
    created_by: form.createdBy.trim(),
    comment: form.comment.trim(),
  };
}
