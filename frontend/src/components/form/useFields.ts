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

/** The texts of a form; what the server says of a field stands beside that field. */
export function useFields<Form extends Record<keyof Form, string>>(
  initial: () => Form,
  error: Error | null,
) {
  const [form, setForm] = useState<Form>(initial);
  const problems = error instanceof ProblemError ? error.fields : [];
  const field = (name: keyof Form & string, sent: string = name): FieldProps => ({
    value: form[name],
    onChange: (event: Typed) => setForm((now) => ({ ...now, [name]: event.target.value })),
    error: problems.find((problem) => problem.field === sent)?.detail,
  });
  return { form, setForm, field };
}
