import { useMemo, useSyncExternalStore } from "react";

/** Whether a media query holds, for example that the page is as narrow as a phone. */
export function useMatches(query: string): boolean {
  const [subscribe, matches] = useMemo(() => {
    const media = window.matchMedia(query);
    const watch = (listener: () => void) => {
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    };
    return [watch, () => media.matches] as const;
  }, [query]);
  return useSyncExternalStore(subscribe, matches);
}
