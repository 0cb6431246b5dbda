import { fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";

import { ProblemError } from "../../api/client";
import { TextField } from "../ui/Field";
import { Modal } from "../ui/Modal";
import { FormFrame } from "./FormFrame";
import { useFields } from "./useFields";

interface Given {
  error?: Error | null;
  doubt?: string | null;
  onSubmit?: () => void;
  onClose?: () => void;
}

function Form({ error = null, doubt = null, onSubmit = vi.fn(), onClose = vi.fn() }: Given) {
  const { field, isPlaced } = useFields(() => ({ name: "typed", value: "" }), error);
  return (
    <Modal open title="New" description="A form" onClose={onClose}>
      <FormFrame
        verb="Create"
        saving={{ isPending: false, error }}
        isPlaced={isPlaced}
        sentence="What it will do."
        doubt={doubt}
        onSubmit={onSubmit}
        onCancel={onClose}
      >
        <TextField label="Name" {...field("name")} />
        <TextField label="Is" {...field("value", "matchers")} />
      </FormFrame>
    </Modal>
  );
}

function refused(...fields: [field: string, detail: string][]): ProblemError {
  const [first = ["", ""]] = fields;
  const named = fields.map(([field, detail]) => ({ field, detail }));
  return new ProblemError(422, "invalid_request", first.join(": "), "id-7", named);
}

function said(): string[] {
  return screen.getAllByRole("alert").map((alert) => alert.textContent);
}

test("what is wrong with a field is said once, beside the field", () => {
  render(<Form error={refused(["name", "is in use"])} />);
  expect(said()).toEqual(["is in use"]);
  expect(screen.getByLabelText("Name").getAttribute("aria-invalid")).toBe("true");
});

test("what is wrong with a part of what a field sends stands beside it too", () => {
  render(<Form error={refused(["matchers[0].value", "is too long"])} />);
  expect(said()).toEqual(["is too long"]);
});

test("what has no place in the form is said below it, and what has is not said again", () => {
  render(<Form error={refused(["name", "is in use"], ["names", "are too many"])} />);
  expect(said()).toEqual(["is in use", "names: are too manyrequest id-7"]);
});

test("an error that is about no field is said below", () => {
  render(<Form error={new ProblemError(503, "down", "The database does not answer", null)} />);
  expect(said()).toEqual(["The database does not answer"]);
});

test("what it will do is read before it is saved", () => {
  render(<Form />);
  expect(screen.getByTestId("sentence").textContent).toBe("What it will do.");
});

test("what hardly anybody means is not sent before it is confirmed, another doubt not either", () => {
  const onSubmit = vi.fn();
  const create = () => fireEvent.click(screen.getByRole("button", { name: "Create" }));
  const { rerender } = render(<Form doubt="999 of 1 000 requests may fail." onSubmit={onSubmit} />);
  create();
  expect(onSubmit).not.toHaveBeenCalled();
  fireEvent.click(screen.getByRole("checkbox"));
  rerender(<Form doubt="900 of 1 000 requests may fail." onSubmit={onSubmit} />);
  create();
  expect(onSubmit).not.toHaveBeenCalled();
  fireEvent.click(screen.getByRole("checkbox", { name: /900 of 1 000/ }));
  create();
  expect(onSubmit).toHaveBeenCalledOnce();
});

test("a click beside the form discards nothing; Escape and Cancel close it", async () => {
  const onClose = vi.fn();
  render(<Form onClose={onClose} />);
  // the dialog listens for clicks outside from the next turn on
  await new Promise((resolve) => setTimeout(resolve, 0));
  fireEvent.pointerDown(document.body);
  fireEvent.click(document.body);
  expect(onClose).not.toHaveBeenCalled();
  expect(screen.getByLabelText<HTMLInputElement>("Name").value).toBe("typed");
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  fireEvent.keyDown(screen.getByRole("dialog"), { key: "Escape" });
  expect(onClose).toHaveBeenCalledTimes(2);
});
