import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { BellOff } from "lucide-react";
import { useState } from "react";

import { createSilence, expireSilence, silencesQuery, type Silence } from "../../api/alerts";
import { DeedDialog } from "../../components/DeedDialog";
import { Button } from "../../components/ui/Button";
import { SelectField, TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";
import { Panel } from "../../components/ui/Panel";
import { Failure, Shown } from "../../components/ui/states";
import { zone } from "../../lib/preferences";
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
  const [form, setForm] = useState(EMPTY);
  const queries = useQueryClient();
  const creation = useMutation({
    mutationFn: () =>
      createSilence({
        matchers: [
          { name: NAMES.find((name) => name === form.name) ?? "service", value: form.value.trim() },
        ],
        duration_minutes: Number(form.minutes),
        created_by: form.createdBy.trim(),
        comment: form.comment.trim(),
      }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["alerts"] });
      onClose();
    },
  });
  const field = (name: keyof typeof EMPTY) => ({
    required: true,
    value: form[name],
    onChange: (event: { target: { value: string } }) =>
      setForm({ ...form, [name]: event.target.value }),
  });
  return (
    <Modal
      open
      onClose={onClose}
      title="New silence"
      description="Nobody is told of what matches; it is evaluated and shown all the same."
    >
      <form
        className="grid gap-3 sm:grid-cols-2"
        onSubmit={(event) => {
          event.preventDefault();
          creation.mutate();
        }}
      >
        <SelectField label="Label" options={LABELS} {...field("name")} />
        <TextField label="Is" {...field("value")} />
        <TextField label="For minutes" type="number" min={1} {...field("minutes")} />
        <TextField label="Your name" {...field("createdBy")} />
        <TextField label="Why" className="sm:col-span-2" {...field("comment")} />
        {creation.error && (
          <div className="sm:col-span-2">
            <Failure error={creation.error} />
          </div>
        )}
        <div className="flex justify-end gap-2 sm:col-span-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={creation.isPending}>
            Silence
          </Button>
        </div>
      </form>
    </Modal>
  );
}
