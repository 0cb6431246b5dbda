import { useMutation, useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { Link } from "react-router-dom";

import {
  changeChannel,
  channelsQuery,
  deleteChannel,
  testChannel,
  type Channel,
  type Notification,
} from "../../api/alerts";
import { keys } from "../../api/keys";
import { ActionDialog } from "../../components/form/ActionDialog";
import { ManagedList } from "../../components/form/ManagedList";
import { useSaving } from "../../components/form/useSaving";
import { Button } from "../../components/ui/Button";
import { Empty, Failure } from "../../components/ui/states";
import { withWriteAccess } from "../../lib/writeAccess";
import { ChannelForm } from "./ChannelForm";

export function ChannelsTab() {
  return (
    <ManagedList
      title="Where alerts go"
      noun="channel"
      query={useQuery(channelsQuery)}
      nameOf={(channel) => channel.name}
      empty={
        <Empty title="Nobody is notified of anything">
          Make a channel, and let{" "}
          <Link to="/settings?tab=rules" className="underline">
            rules
          </Link>{" "}
          name it.
        </Empty>
      }
      row={(channel) => <ChannelText channel={channel} />}
      formDescription="Rules that name it send it what fires."
      form={(channel, onDone) => <ChannelForm channel={channel} onDone={onDone} />}
      removal={(channel, onClose) => (
        <ActionDialog
          title={`Delete ${channel.name}`}
          description="With its secrets. Rules that name it go on with their other channels."
          verb="Delete"
          danger
          text="reason"
          act={(actor, reason) => deleteChannel(channel.id, actor, reason)}
          onClose={onClose}
        />
      )}
      isFixed={(channel) => channel.built_in}
    />
  );
}

function ChannelText({ channel }: { channel: Channel }) {
  const test = useMutation({ mutationFn: () => testChannel(channel.id, "dashboard") });
  const toggle = useSaving({
    save: () => changeChannel(channel.id, { actor: "dashboard", enabled: !channel.enabled }),
    renews: [keys.channels],
    onDone: () => undefined,
  });
  const error = test.error ?? toggle.error;
  return (
    <>
      <span className="w-40 truncate font-semibold">{channel.name}</span>
      <span className="w-28 text-muted">{channel.kind}</span>
      <span className="min-w-0 flex-1 basis-40 truncate text-muted">
        {channel.built_in ? "stored and shown here, sent nowhere" : channel.address}
      </span>
      {!channel.enabled && <strong>disabled</strong>}
      <span aria-live="polite">{test.data && outcomeOf(test.data)}</span>
      <Button disabled={test.isPending} onClick={() => withWriteAccess(() => test.mutate())}>
        <Send size={14} aria-hidden /> Test
      </Button>
      {!channel.built_in && (
        <Button disabled={toggle.isPending} onClick={() => withWriteAccess(() => toggle.mutate())}>
          {channel.enabled ? "Disable" : "Enable"}
        </Button>
      )}
      {error && (
        <div className="w-full">
          <Failure error={error} />
        </div>
      )}
    </>
  );
}

function outcomeOf({ state, last_error }: Notification): string {
  return state === "sent" ? "the test has arrived" : `${state}: ${last_error}`;
}
