/** What the reader chose: it stays on this device. */

import { createStore } from "./store";
import type { Zone } from "./time";

export type Theme = "system" | "light" | "dark";

function read<T extends string>(key: string, known: readonly T[], fallback: T): T {
  const found = localStorage.getItem(key);
  return known.find((value) => value === found) ?? fallback;
}

export const theme = createStore<Theme>(
  read("burnline.theme", ["system", "light", "dark"], "system"),
  (value) => {
    localStorage.setItem("burnline.theme", value);
    applyTheme();
  },
);

export const zone = createStore<Zone>(read("burnline.zone", ["utc", "local"], "utc"), (value) =>
  localStorage.setItem("burnline.zone", value),
);

/** Who acts, as it was typed last; the audit asks for it each time. */
export const actorName = createStore(localStorage.getItem("burnline.actor") ?? "", (value) =>
  localStorage.setItem("burnline.actor", value),
);

const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");

export function applyTheme(): void {
  const chosen = theme.get();
  const dark = chosen === "dark" || (chosen === "system" && darkSystem.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

darkSystem.addEventListener("change", applyTheme);
