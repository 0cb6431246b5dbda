/** Whether the page's figures are recent enough to be believed. */

import { createContext, useContext } from "react";

export const STALE_AFTER_MILLISECONDS = 30_000;

export const StaleContext = createContext(false);

export function useIsStale(): boolean {
  return useContext(StaleContext);
}
