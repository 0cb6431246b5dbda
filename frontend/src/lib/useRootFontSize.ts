import { useSyncExternalStore } from "react";

import { createStore } from "./store";

const pixels = createStore(16);

function look(): void {
  pixels.set(parseFloat(getComputedStyle(document.documentElement).fontSize) || 16);
}

/** It depends on the width of the window, and on whether the page hangs on a wall. */
function subscribe(listener: () => void): () => void {
  const ended = pixels.subscribe(listener);
  const wall = new MutationObserver(look);
  wall.observe(document.documentElement, { attributeFilter: ["data-wall"] });
  window.addEventListener("resize", look);
  look();
  return () => {
    ended();
    wall.disconnect();
    window.removeEventListener("resize", look);
  };
}

/** What 1 rem is, in pixels. */
export function useRootFontSize(): number {
  return useSyncExternalStore(subscribe, pixels.get);
}
