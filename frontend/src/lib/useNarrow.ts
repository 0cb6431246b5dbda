import { useSyncExternalStore } from "react";

const phone = window.matchMedia("(max-width: 40rem)");

function subscribe(listener: () => void): () => void {
  phone.addEventListener("change", listener);
  return () => phone.removeEventListener("change", listener);
}

/** Whether the page is as narrow as a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => phone.matches);
}
