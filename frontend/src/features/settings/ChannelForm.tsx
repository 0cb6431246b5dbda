import { changeChannel, createChannel, type Channel } from "../../api/alerts";
import { keys } from "../../api/keys";
import { FormFrame, WIDE } from "../../components/form/FormFrame";
import { useFields } from "../../components/form/useFields";
import { useSaving } from "../../components/form/useSaving";
import { SelectField, TextField } from "../../components/ui/Field";
import { actorName } from "../../lib/preferences";
import {
  KINDS,
  channelChangeOf,
  newChannelOf,
  ofKind,
  secretsOfKind,
  sentenceOf,
  type ChannelFields,
} from "./channelFields";

const KIND_OPTIONS = Object.keys(KINDS).map((kind) => [kind, kind] as const);

function fieldsOf(channel: Channel | null): ChannelFields {
  return {
    name: channel?.name ?? "",
    kind: channel?.kind ?? "webhook",
    url: "",
    routing_key: "",
    signing_secret: "",
    actor: actorName.get(),
  };
}

/** Where alerts go, and what that place asks for; secrets are written, never read. */
export function ChannelForm({ channel, onDone }: { channel: Channel | null; onDone: () => void }) {
  const saving = useSaving<ChannelFields>({
    save: (form) =>
      channel === null
        ? createChannel(newChannelOf(form))
        : changeChannel(channel.id, channelChangeOf(form)),
    renews: [keys.channels],
    onDone: (form) => {
      actorName.set(form.actor.trim());
      onDone();
    },
  });
  const { form, setForm, field, isPlaced } = useFields(() => fieldsOf(channel), saving.error);
  const isNew = channel === null;
  return (
    <FormFrame
      verb={isNew ? "Create" : "Save"}
      saving={saving}
      isPlaced={isPlaced}
      sentence={sentenceOf(form, isNew)}
      onSubmit={() => saving.mutate(form)}
      onCancel={onDone}
    >
      <TextField
        label="Name"
        required
        disabled={!isNew}
        hint="rules name it; it stays"
        {...field("name")}
      />
      <SelectField
        label="Kind"
        disabled={!isNew}
        options={KIND_OPTIONS}
        {...field("kind")}
        onChange={({ target }) => setForm((now) => ofKind(now, target.value))}
      />
      {secretsOfKind(form.kind).map(({ name, label, required }) => (
        <TextField
          key={name}
          className={WIDE}
          label={label}
          type={name === "url" ? "url" : "password"}
          autoComplete="off"
          required={required && isNew}
          hint={isNew ? "never shown again" : "empty: as it is; else all of them are replaced"}
          {...field(name, `secrets.${name}`)}
        />
      ))}
      <TextField className={WIDE} label="Your name" required {...field("actor")} />
    </FormFrame>
  );
}
