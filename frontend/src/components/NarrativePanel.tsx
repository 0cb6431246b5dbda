import { useQuery } from "@tanstack/react-query";

import { narrativeQuery, type Fact, type Narrative } from "../api/summary";
import { piecesOf } from "../lib/facts";
import { Hover } from "./ui/Hover";
import { Panel } from "./ui/Panel";
import { NotAvailable, Shown } from "./ui/states";

/** The service in plain words, with the fact behind each figure at hand. */
export function NarrativePanel({ service }: { service: string }) {
  const query = useQuery(narrativeQuery(service));
  const written =
    query.data && query.data.source !== "template" ? "AI-written, checked against facts" : null;
  return (
    <Panel title="In words" {...(written ? { aside: written } : {})}>
      <Shown query={query} height="4rem">
        {(found) =>
          found === null ? <NotAvailable what="A summary in words" /> : <Words found={found} />
        }
      </Shown>
    </Panel>
  );
}

function Words({ found }: { found: Narrative }) {
  return (
    <div className="max-w-prose space-y-2 text-sm leading-6">
      <p>
        <WithFacts text={found.narrative} facts={found.facts} />
      </p>
      {found.recommended_actions.length > 0 && (
        <ul className="list-disc space-y-1 pl-5">
          {found.recommended_actions.map((action) => {
            const text = wordsOf(action);
            return (
              <li key={text}>
                <WithFacts text={text} facts={found.facts} />
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

function wordsOf(entry: Narrative["recommended_actions"][number]): string {
  if (typeof entry === "string") return entry;
  return "action" in entry ? entry.action : entry.text;
}

function WithFacts({ text, facts }: { text: string; facts: readonly Fact[] }) {
  return (
    <>
      {piecesOf(text, facts).map((piece, i) =>
        piece.fact ? (
          <Hover key={i} says={`${piece.fact.name}: ${piece.fact.text}`}>
            <span tabIndex={0} className="underline decoration-dotted underline-offset-4">
              {piece.text}
            </span>
          </Hover>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}
