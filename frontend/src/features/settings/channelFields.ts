/** Between what a person types for a channel and what the server takes. Pure. */

import type { ChannelChange, NewChannel } from "../../api/alerts";

export interface ChannelFields {
  name: string;
  kind: string;
  url: string;
  routing_key: string;
  signing_secret: string;
  actor: string;
}

type SecretName = "url" | "routing_key" | "signing_secret";

export interface Secret {
  name: SecretName;
  label: string;
  required: boolean;
}

const URL: Secret = { name: "url", label: "Address", required: true };

/** What each kind asks for. */
export const KINDS: Record<NewChannel["kind"], readonly Secret[]> = {
  webhook: [URL, { name: "signing_secret", label: "Signing secret", required: false }],
  alertmanager: [URL],
  pagerduty: [
    { name: "routing_key", label: "Routing key", required: true },
    { ...URL, required: false },
  ],
  slack: [URL],
  apprise: [URL],
  simulated: [],
};

export function secretsOfKind(kind: string): readonly Secret[] {
  return kind in KINDS ? KINDS[kind as NewChannel["kind"]] : [];
}

export function secretsOf(form: ChannelFields): Record<string, string> {
  const typed = secretsOfKind(form.kind).map(({ name }) => [name, form[name].trim()] as const);
  return Object.fromEntries(typed.filter(([, value]) => value !== ""));
}

/** The form with another kind: what was typed for one is not sent to the other. */
export function ofKind(form: ChannelFields, kind: string): ChannelFields {
  return { ...form, kind, url: "", routing_key: "", signing_secret: "" };
}

/** What the channel will do, in plain words, while it is written. */
export function sentenceOf(form: ChannelFields, isNew: boolean): string {
  const name = form.name.trim() || "this channel";
  if (form.kind === "simulated") return `What ${name} is sent is stored and shown here only.`;
  const where = hostOf(form.url);
  const kept = !isNew && Object.keys(secretsOf(form)).length === 0;
  const to = kept ? "where it goes now" : where ? `to ${where}` : `to ${form.kind}`;
  return `Rules that name ${name} send what fires ${to}, in the format of ${form.kind}.`;
}

function hostOf(url: string): string | null {
  try {
    return new globalThis.URL(url.trim()).host || null;
  } catch {
    return null;
  }
}

export function newChannelOf(form: ChannelFields): NewChannel {
  const { name, kind, actor } = form;
  return { name: name.trim(), kind, secrets: secretsOf(form), actor: actor.trim() } as NewChannel;
}

/** Secrets are replaced all at once; where none is typed they stay as they are. */
export function channelChangeOf(form: ChannelFields): ChannelChange {
  const secrets = secretsOf(form);
  const changed = Object.keys(secrets).length > 0;
  return { actor: form.actor.trim(), ...(changed ? { secrets } : {}) };
}
