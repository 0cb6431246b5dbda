/** Writes need the token: where it is not known, it is asked for first. */

import { createStore } from "./store";
import { token } from "./token";

/** What is to be done once there is a token; null while nobody waits for one. */
export const waiting = createStore<{ then: () => void } | null>(null);

export function askForToken(then: () => void): void {
  waiting.set({ then });
}

/** Act at once when the token is known, else after it has been given. */
export function withWriteAccess(act: () => void): void {
  if (token.get() === null) askForToken(act);
  else act();
}
