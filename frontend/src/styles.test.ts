/** Words in a colour can be read: 4.5 to 1 on whatever they stand on, in both themes. */

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

const CSS = readFileSync("src/styles.css", "utf8");
const THEMES = {
  light: /:root \{([^}]*)\}/.exec(CSS)?.[1] ?? "",
  dark: /\[data-theme="dark"\] \{([^}]*)\}/.exec(CSS)?.[1] ?? "",
};

function coloursOf(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
  ) as Record<string, string>;
}

/** Relative luminance, as WCAG 2.2 defines it. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark = 0, bright = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

describe.each(Object.entries(THEMES))("%s", (_, block) => {
  const colours = coloursOf(block);
  const inks = Object.entries(colours).filter(
    ([name]) => name.endsWith("-ink") && name !== "accent-ink",
  );

  test("each state has an ink of its own, the overridden one among them", () => {
    expect(inks.map(([name]) => name)).toContain("overridden-ink");
    expect(new Set(inks.map(([, value]) => value)).size).toBe(inks.length);
  });

  test.each(inks)("%s", (_name, ink) => {
    for (const ground of ["page", "panel", "raised"]) {
      expect(contrast(ink, colours[ground] ?? "")).toBeGreaterThanOrEqual(4.5);
    }
  });
});
