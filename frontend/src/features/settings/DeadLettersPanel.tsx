import { useQuery } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { useState } from "react";

import { MAX_DEAD_LETTERS, deadLettersQuery, type DeadLetter } from "../../api/ingest";
import { Button } from "../../components/ui/Button";
import { Panel } from "../../components/ui/Panel";
import { Shown } from "../../components/ui/states";
import { attributed, count } from "../../lib/format";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { dayTime } from "../../lib/time";
import { withWriteAccess } from "../../lib/writeAccess";
import { ReplayDialog } from "./ReplayDialog";

/** Records whose content is wrong, why, and the means to send them again. */
export function DeadLettersPanel() {
  const query = useQuery(deadLettersQuery);
  const [asked, setAsked] = useState<string | null>(null);
  return (
    <Panel title="Dead letters">
      <Shown query={query} height="5rem">
        {(deadLetters) =>
          deadLetters.length === 0 ? (
            <p className="text-sm text-muted">
              Every record that came could be read. What cannot be is kept here with the reason.
            </p>
          ) : (
            <>
              <ul className="-mx-4 -mt-4 divide-y divide-line">
                {deadLetters.map((deadLetter) => (
                  <DeadLetterRow
                    key={deadLetter.id}
                    deadLetter={deadLetter}
                    onReplay={() => withWriteAccess(() => setAsked(deadLetter.id))}
                  />
                ))}
              </ul>
              {deadLetters.length === MAX_DEAD_LETTERS && (
                <p className="mt-2 text-xs text-muted">
                  The newest {MAX_DEAD_LETTERS}; REST and <code>burnline dlq</code> list older ones.
                </p>
              )}
            </>
          )
        }
      </Shown>
      {asked !== null && <ReplayDialog id={asked} onClose={() => setAsked(null)} />}
    </Panel>
  );
}

function DeadLetterRow({ deadLetter, onReplay }: { deadLetter: DeadLetter; onReplay: () => void }) {
  const chosenZone = useStore(zone);
  const replayed = deadLetter.replayed_at;
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-1 px-4 py-2 text-sm">
      <span className="w-28 text-muted">{dayTime(deadLetter.appended_at, chosenZone)}</span>
      <div className="min-w-0 flex-1 basis-72">
        <strong>{deadLetter.code}</strong> {deadLetter.field && <code>{deadLetter.field}</code>}{" "}
        {deadLetter.detail}
        <details className="text-xs text-muted">
          <summary className="cursor-pointer">
            {deadLetter.topic}, partition {deadLetter.partition}, offset {count(deadLetter.offset)}
          </summary>
          <pre
            tabIndex={0}
            className="mt-1 max-h-60 overflow-auto rounded-md bg-raised p-3 font-mono whitespace-pre-wrap"
          >
            {deadLetter.value ?? "not text"}
            {!deadLetter.is_complete && " …"}
          </pre>
        </details>
      </div>
      {replayed === null ? (
        <Button onClick={onReplay}>
          <RotateCw size={14} aria-hidden /> Send again …
        </Button>
      ) : (
        <span className="text-xs text-muted">
          sent again {deadLetter.corrected && "corrected "}
          {dayTime(replayed, chosenZone)} by{" "}
          {attributed(deadLetter.replayed_by ?? "", deadLetter.replayed_on_behalf_of)}
        </span>
      )}
    </li>
  );
}
