import type { ButtonHTMLAttributes } from "react";

const LOOKS = {
  plain: "border border-line bg-panel hover:bg-raised",
  primary: "border border-accent bg-accent text-accent-ink hover:opacity-90",
  danger: "border border-freeze-ink text-freeze-ink hover:bg-raised",
  quiet: "border border-transparent hover:bg-raised",
};

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: keyof typeof LOOKS;
}

export function Button({ look = "plain", className = "", type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      className={`inline-flex min-h-8 items-center gap-1.5 rounded-md px-2.5 py-1 text-sm font-medium
        disabled:cursor-not-allowed disabled:opacity-60 ${LOOKS[look]} ${className}`}
      {...rest}
    />
  );
}
