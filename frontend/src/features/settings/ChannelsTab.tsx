import { useMutation, useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";

import { channelsQuery, testChannel, type Channel } from "../../api/alerts";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Failure, Shown } from "../../components/ui/states";
import { withWriteAccess } from "../../lib/writeAccess";

export function ChannelsTab() {
  const query = useQuery(channelsQuery);
  return (
    <Panel title="Where alerts go">
      <Shown query={query} height="8rem">
        {(channels) => (
          <ul className="-m-4 divide-y divide-line">
            {channels.map((channel) => (
              <ChannelRow key={channel.id} channel={channel} />
            ))}
          </ul>
        )}
      </Shown>
    </Panel>
  );
}

function ChannelRow({ channel }: { channel: Channel }) {
  const test = useMutation({ mutationFn: () => testChannel(channel.id, "dashboard") });
  return (
    <li className="px-4 py-2 text-sm">
      <div className="flex flex-wrap items-center gap-4">
        <span className="w-40 font-semibold">{channel.name}</span>
        <span className="w-28 text-muted">{channel.kind}</span>
        <span className="min-w-0 flex-1 truncate text-muted">{channel.address}</span>
        {!channel.enabled && <span>resting</span>}
        <span aria-live="polite">{test.isSuccess && "a test is on its way"}</span>
        <Button disabled={test.isPending} onClick={() => withWriteAccess(() => test.mutate())}>
          <Send size={14} aria-hidden /> Test
        </Button>
      </div>
      {test.error && <Failure error={test.error} />}
    </li>
  );
}
