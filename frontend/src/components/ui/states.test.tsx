import type { UseQueryResult } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { expect, test, vi } from "vitest";

import { ProblemError } from "../../api/client";
import { HealthBadge } from "../HealthBadge";
import { Shown } from "./states";

function show(query: Partial<UseQueryResult<string>>) {
  render(
    <Tooltip.Provider>
      <Shown query={query as UseQueryResult<string>}>
        {(word) => (
          <>
            {word} <HealthBadge level="SAFE" status="ok" />
          </>
        )}
      </Shown>
    </Tooltip.Provider>,
  );
}

test("what has been read is shown", () => {
  show({ data: "cart", isRefetchError: false });
  screen.getByText("SAFE");
});

test("what could not be read again stays, with why and since when, and claims nothing", () => {
  const error = new ProblemError(503, "down", "The database does not answer", null);
  show({ data: "cart", isRefetchError: true, error, dataUpdatedAt: Date.UTC(2026, 10, 23, 7) });
  expect(screen.getByRole("alert").textContent).toBe(
    "The database does not answer What stands here is from 07:00:00.",
  );
  expect(screen.queryByText("SAFE")).toBeNull();
  screen.getByText("not current");
});

test("a failure without data can be tried again", () => {
  const refetch = vi.fn();
  show({ data: undefined, error: new TypeError("no network"), refetch });
  screen.getByText("The server cannot be reached.");
  screen.getByRole("button", { name: "Try again" }).click();
  expect(refetch).toHaveBeenCalledOnce();
});
