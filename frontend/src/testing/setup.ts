import { afterEach } from "vitest";
import { cleanup, configure } from "@testing-library/react";

// jsdom knows no media queries
window.matchMedia = (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;

// pages are imported when they are first shown, which a busy machine does slowly
configure({ asyncUtilTimeout: 15_000 });

afterEach(cleanup);
