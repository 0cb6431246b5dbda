/** Whether the page's figures are recent enough to be believed. */

import { createContext, useContext } from "react";

import type { Connection } from "../api/live";
import { certaintyOf, type Certainty } from "../lib/health";
import type { DataStatus } from "../lib/vocabulary";

const STALE_AFTER_MILLISECONDS = 30_000;

export const StaleContext = createContext(false);

interface LastAnswer {
  dataUpdatedAt: number;
  isRefetchError: boolean;
}

/** Nothing has been heard for long, or neither the stream nor a question gets an answer. */
export function isStale(last: LastAnswer, connection: Connection, now: number): boolean {
  if (last.dataUpdatedAt === 0) return false;
  const unreachable = connection !== "live" && last.isRefetchError;
  return unreachable || now - last.dataUpdatedAt > STALE_AFTER_MILLISECONDS;
}

export function useIsStale(): boolean {
  return useContext(StaleContext);
}

/** What may be claimed of a figure: on a page that hears nothing, none is current. */
export function useCertainty(status: DataStatus, counted: boolean): Certainty {
  const stale = useIsStale();
  const certainty = certaintyOf(status, counted);
  return stale && certainty === "current" ? "past" : certainty;
}
