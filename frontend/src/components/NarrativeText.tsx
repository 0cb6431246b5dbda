import type { Schemas } from "../api/client";
import { useIsStale } from "./freshness";
import { Hover } from "./ui/Hover";

type Narrative = Pick<
  Schemas["ServiceSummary"],
  "sentences" | "facts" | "recommended_actions" | "source"
>;
type Fact = Schemas["FactAnswer"];

/** Plain words, each sentence with the facts that it rests on at hand. */
export function NarrativeText({ narrative }: { narrative: Narrative }) {
  const stale = useIsStale();
  const facts = new Map(narrative.facts.map((fact) => [fact.id, fact]));
  const behind = (ids: readonly string[]) => ids.flatMap((id) => facts.get(id) ?? []);
  return (
    <div className="@container text-sm leading-6">
      {stale && <p className="font-medium text-unknown-ink">This was so when it was last heard:</p>}
      <div className="grid gap-x-10 gap-y-2 @4xl:grid-cols-[minmax(0,80ch)_minmax(0,1fr)]">
        <p>
          {narrative.sentences.map((sentence, i) => (
            <Claim key={i} text={sentence.text} facts={behind(sentence.facts)} />
          ))}
        </p>
        {narrative.recommended_actions.length > 0 && (
          <div>
            <h3 className="font-semibold">What to do</h3>
            <ul className="list-disc space-y-1 pl-5">
              {narrative.recommended_actions.map((action, i) => (
                <li key={`${action.code}-${i}`}>
                  <Claim text={action.text} facts={behind(action.facts)} />
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
      {narrative.source === "model" && (
        <p className="mt-2 text-xs text-muted">
          Put into words by a language model, held to the facts.
        </p>
      )}
    </div>
  );
}

function Claim({ text, facts }: { text: string; facts: readonly Fact[] }) {
  if (facts.length === 0) return <>{text} </>;
  const says = (
    <ul className="space-y-1">
      {facts.map((fact) => (
        <li key={fact.id}>{fact.text}</li>
      ))}
    </ul>
  );
  return (
    <>
      <Hover says={says}>
        <span
          tabIndex={0}
          className="decoration-strong-line decoration-dotted underline-offset-4 hover:underline"
        >
          {text}
        </span>
      </Hover>{" "}
    </>
  );
}
