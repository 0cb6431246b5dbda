/** Labelled controls of forms; what is wrong with a value stands where its hint stood. */

import {
  useId,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from "react";

const BOX = "w-full rounded-md border border-strong-line bg-panel px-2.5 py-1.5 text-sm";

interface Labelled {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  className?: string | undefined;
}

interface ControlProps {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string;
}

interface FieldProps extends Labelled {
  control: (props: ControlProps) => ReactNode;
}

function Field({ label, hint, error, className = "", control }: FieldProps) {
  const id = useId();
  const described = `${id}-hint`;
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {control({ id, "aria-invalid": error !== undefined, "aria-describedby": described })}
      <p
        id={described}
        role={error && "alert"}
        className={`mt-1 text-xs ${error ? "text-freeze-ink" : "text-muted"}`}
      >
        {error ?? hint}
      </p>
    </div>
  );
}

type InputProps = Labelled & InputHTMLAttributes<HTMLInputElement>;

export function TextField({ label, hint, error, className, ...rest }: InputProps) {
  const control = (props: ControlProps) => <input className={BOX} {...props} {...rest} />;
  return <Field {...{ label, hint, error, className, control }} />;
}

type AreaProps = Labelled & TextareaHTMLAttributes<HTMLTextAreaElement>;

export function TextArea({ label, hint, error, className, ...rest }: AreaProps) {
  const look = `${BOX} font-mono text-xs`;
  const control = (props: ControlProps) => <textarea className={look} {...props} {...rest} />;
  return <Field {...{ label, hint, error, className, control }} />;
}

type SelectProps = Labelled &
  SelectHTMLAttributes<HTMLSelectElement> & {
    options: readonly (readonly [value: string, label: string])[];
  };

export function SelectField({ label, hint, error, options, className, ...rest }: SelectProps) {
  const control = (props: ControlProps) => (
    <select className={BOX} {...props} {...rest}>
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
  return <Field {...{ label, hint, error, className, control }} />;
}
