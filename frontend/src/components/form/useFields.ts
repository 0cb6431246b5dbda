import { useState } from "react";

import { ProblemError } from "../../api/client";

interface Typed {
  target: { value: string };
}

/** What a form's field is given: its text, what to do with the next, and what is wrong with it. */
export interface FieldProps {
  value: string;
  onChange: (event: Typed) => void;
  error: string | undefined;
}

/**
 * The texts of a form. What the server says of a field stands beside that field, `rest` what it says
 * of those that have no place in the form as it is drawn.
 */
export function useFields<Form extends Record<keyof Form, string>>(
  initial: () => Form,
  error: Error | null,
) {
  const [form, setForm] = useState<Form>(initial);
  const problems = error instanceof ProblemError ? error.fields : [];
  const placed = new Set<string>();
  const faultsOf = (sent: string) => {
    const own = problems.filter(({ field: at }) => at === sent || /^[.[]/.test(after(at, sent)));
    for (const fault of own) placed.add(fault.field);
    return own.map(({ detail }) => detail).join("; ") || undefined;
  };
  const field = (name: keyof Form & string, sent: string = name): FieldProps => ({
    value: form[name],
    onChange: (event: Typed) => setForm((now) => ({ ...now, [name]: event.target.value })),
    error: faultsOf(sent),
  });
  const isPlaced = (name: string) => placed.has(name);
  return { form, setForm, field, isPlaced };
}

function after(text: string, start: string): string {
  return text.startsWith(start) ? text.slice(start.length) : "";
}
