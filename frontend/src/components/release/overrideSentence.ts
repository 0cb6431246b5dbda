/** What an override will do, in plain words, while it is written. Pure. */

import type { OverrideRequest } from "../../api/release";
import { duration } from "../../lib/format";

const DOES = {
  ALLOW: "lets through",
  WARN: "lets through, with a warning,",
  BLOCK: "blocks",
} as const;

export function sentenceOf(asked: OverrideRequest, service: string): string {
  const { change_class: kind, version, max_uses: uses } = asked;
  const changes = kind ? `${kind} releases` : "releases of every class";
  const which = version ? `version ${version} only` : "any version";
  const until = duration((asked.expires_in_minutes ?? 60) * 60);
  const often =
    asked.decision === "BLOCK" || uses == null ? "" : uses === 1 ? ", once" : `, ${uses} times`;
  return (
    `For ${until} from now the gate ${DOES[asked.decision]} ${changes} of ${service} ` +
    `(${which})${often}, whatever the budget says.`
  );
}
