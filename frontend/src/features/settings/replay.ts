/** What is sent in a dead letter's place. Pure. */

import type { CorrectedEvent } from "../../api/ingest";

/** A record as a person reads it; what is no JSON stays as it is. */
export function readable(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/**
 * The corrected record; null where the text is as it was, so that the record itself is sent.
 *
 * Throws an Error in words where the text is no JSON object.
 */
export function correctedEvent(text: string, original: string): CorrectedEvent | null {
  if (text.trim() === original.trim()) return null;
  const fault = 'A record is one JSON object, such as {"service": "checkout", …}';
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error(fault);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw new Error(fault);
  return found as CorrectedEvent;
}
