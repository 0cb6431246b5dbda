/** Finds in a text the facts that it rests on, so that each can be shown where it is used. */

export interface FactText {
  id: string;
  text: string;
}

export interface Piece<F extends FactText> {
  text: string;
  fact: F | null;
}

/** Cut a text where a fact's own words stand in it; of two that begin together the longer counts. */
export function piecesOf<F extends FactText>(text: string, facts: readonly F[]): Piece<F>[] {
  const byLength = facts.filter((f) => f.text !== "").sort((a, b) => b.text.length - a.text.length);
  const pieces: Piece<F>[] = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const fact = byLength.find((f) => text.startsWith(f.text, at) && isWhole(text, at, f.text));
    if (fact) {
      if (plain) pieces.push({ text: plain, fact: null });
      plain = "";
      pieces.push({ text: fact.text, fact });
      at += fact.text.length;
    } else {
      plain += text.charAt(at);
      at += 1;
    }
  }
  if (plain) pieces.push({ text: plain, fact: null });
  return pieces;
}

const IN_WORD = /[\p{L}\p{N}]/u;

/** "12" is not a part of "112", nor "day" of "days". */
function isWhole(text: string, at: number, part: string): boolean {
  const before = text.charAt(at - 1);
  const after = text.charAt(at + part.length);
  const opens = IN_WORD.test(before) && IN_WORD.test(part.charAt(0));
  const closes = IN_WORD.test(after) && IN_WORD.test(part.charAt(part.length - 1));
  return !opens && !closes;
}
