import { render } from "@testing-library/react";
import { expect, test } from "vitest";

import { Sparkline } from "./Sparkline";

test("each known hour is a bar in the colour of its level, an unknown one none", () => {
  const values = [0, 0.5, null, 1, 1.9, 2, 2.1];
  const { container } = render(<Sparkline values={values} label="burn rate" />);
  const bars = [...container.querySelectorAll("path")].map((path) => [
    path.getAttribute("fill"),
    path.getAttribute("d")?.match(/M/g)?.length,
  ]);
  expect(bars).toEqual([
    ["var(--unknown)", 2],
    ["var(--danger)", 3],
    ["var(--freeze)", 1],
  ]);
});
