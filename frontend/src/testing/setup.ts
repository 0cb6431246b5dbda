import { afterEach } from "vitest";
import { cleanup } from "@testing-library/react";

// jsdom knows no media queries
window.matchMedia = (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;

afterEach(cleanup);
