import type { ReactNode } from "react";

interface Props {
  /** What the table shows, for who cannot see it. */
  label: string;
  words: readonly string[];
  /** Heads of the columns on the right, whose figures are aligned. */
  figures: readonly string[];
  className?: string;
  /** The rows. */
  children: ReactNode;
}

const HEAD = "px-2 py-1.5 font-medium first:pl-4 last:pr-4";

export const FIGURE = "px-2 py-1.5 text-right whitespace-nowrap last:pr-4";

/** A table of figures that scrolls by itself where it is wider than the page. */
export function FigureTable({ label, words, figures, className = "", children }: Props) {
  return (
    <div tabIndex={0} role="region" aria-label={label} className={`overflow-x-auto ${className}`}>
      <table className="w-full text-sm">
        <thead className="text-xs text-muted">
          <tr>
            {words.map((word) => (
              <th key={word} scope="col" className={`${HEAD} text-left`}>
                {word}
              </th>
            ))}
            {figures.map((figure) => (
              <th key={figure} scope="col" className={`${HEAD} text-right`}>
                {figure}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
