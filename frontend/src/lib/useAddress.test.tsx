import { act, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { expect, test } from "vitest";

import { useAddress, withParameter } from "./useAddress";

function Page() {
  const [search, edit] = useAddress();
  const set = (name: string, value: string | null) =>
    edit((now) => withParameter(now, name, value));
  const both = () => {
    set("q", null);
    set("level", "FREEZE");
  };
  return <button onClick={both}>{search.toString()}</button>;
}

test("of two changes before anything is drawn both hold", () => {
  render(
    <MemoryRouter initialEntries={["/?q=car&tier=1"]}>
      <Page />
    </MemoryRouter>,
  );
  const button = screen.getByRole("button");
  act(() => button.click());
  expect(button.textContent).toBe("tier=1&level=FREEZE");
});
