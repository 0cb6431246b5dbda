import { useQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";

import { apiKeysQuery, revokeKey, type ApiKey, type MadeKey } from "../../api/apiKeys";
import { keys } from "../../api/keys";
import { ConfirmDialog } from "../../components/form/ConfirmDialog";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Empty, Shown } from "../../components/ui/states";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime, fullTime } from "../../lib/time";
import { token } from "../../lib/token";
import { askForToken } from "../../lib/writeAccess";
import { NewKeyDialog, RotateDialog } from "./KeyDialogs";
import { SecretDialog } from "./SecretDialog";

type Asked = { action: "create" } | { action: "rotate" | "revoke"; key: ApiKey };

/** Who may do what: keys are made, rotated and revoked; a secret is shown once. */
export function KeysPage() {
  const known = useStore(token) !== null;
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-2xl font-bold">API keys</h1>
      {known ? (
        <Keys />
      ) : (
        <Empty title="Keys are shown to administrators">
          Not even their list is open.{" "}
          <Button onClick={() => askForToken(() => undefined)}>
            <KeyRound size={14} aria-hidden /> Give a key with the scope admin
          </Button>
        </Empty>
      )}
    </div>
  );
}

function Keys() {
  const query = useQuery(apiKeysQuery);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [made, setMade] = useState<MadeKey | null>(null);
  const close = () => setAsked(null);
  const onMade = (key: MadeKey) => {
    close();
    setMade(key);
  };
  return (
    <Panel
      title="Keys in use"
      aside={
        <Button onClick={() => setAsked({ action: "create" })}>
          <Plus size={14} aria-hidden /> New key
        </Button>
      }
    >
      <Shown query={query}>
        {(found) =>
          found.length === 0 ? (
            <Empty title="No key yet">
              The token of the settings opens everything: make a key for each person and pipeline.
            </Empty>
          ) : (
            <ul className="-m-4 divide-y divide-line">
              {found.map((key) => (
                <KeyRow key={key.id} apiKey={key} onAsk={(action) => setAsked({ action, key })} />
              ))}
            </ul>
          )
        }
      </Shown>
      {asked?.action === "create" && <NewKeyDialog onMade={onMade} onClose={close} />}
      {asked?.action === "rotate" && (
        <RotateDialog apiKey={asked.key} onMade={onMade} onClose={close} />
      )}
      {asked?.action === "revoke" && (
        <ConfirmDialog
          title={`Revoke ${asked.key.name}?`}
          description="It opens nothing any more, here at once and elsewhere within seconds, for good."
          verb="Revoke"
          act={() => revokeKey(asked.key.id)}
          renews={[keys.apiKeys]}
          onClose={close}
        />
      )}
      {made && <SecretDialog made={made} onClose={() => setMade(null)} />}
    </Panel>
  );
}

interface RowProps {
  apiKey: ApiKey;
  onAsk: (action: "rotate" | "revoke") => void;
}

function KeyRow({ apiKey, onAsk }: RowProps) {
  const chosenZone = useStore(zone);
  const at = (instant: string | null, never: string) =>
    instant === null ? never : fullTime(instant, chosenZone);
  const ending = apiKey.secrets.find((secret) => secret.expires_at !== null);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 text-sm">
      <span className="w-44 truncate font-semibold" title={apiKey.name}>
        {apiKey.name}
        <span className="block font-mono text-xs font-normal text-muted">{apiKey.id}</span>
      </span>
      <span className="w-40">{apiKey.scopes.join(", ")}</span>
      <span className="min-w-0 flex-1 basis-60 text-xs text-muted">
        <span className="block">
          {apiKey.state === "expired" && <strong className="text-freeze-ink">expired </strong>}
          expires {at(apiKey.expires_at, "never by itself")}
        </span>
        <span className="block">last used {at(apiKey.last_used_at, "not since it is known")}</span>
        <span className="block">
          made {dayTime(apiKey.created_at, chosenZone)} by {apiKey.created_by}
        </span>
        {ending?.expires_at && (
          <strong className="block">
            the secret before opens until {fullTime(ending.expires_at, chosenZone)}
          </strong>
        )}
      </span>
      <span className="flex gap-1">
        <Button onClick={() => onAsk("rotate")}>Rotate …</Button>
        <Button look="danger" onClick={() => onAsk("revoke")}>
          Revoke …
        </Button>
      </span>
    </li>
  );
}
