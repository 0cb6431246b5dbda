import { expect, test, vi } from "vitest";

import { millisecondsSinceInput } from "./activity";

test.each([new KeyboardEvent("keydown"), new MouseEvent("pointerdown")])(
  "what the reader does is noticed wherever it happens",
  (event) => {
    const now = vi.spyOn(performance, "now").mockReturnValue(1_000);
    window.dispatchEvent(event);
    now.mockReturnValue(1_250);
    expect(millisecondsSinceInput()).toBe(250);
  },
);
