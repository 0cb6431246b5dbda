import type { Certainty } from "../lib/health";

interface Props {
  certainty: Certainty;
  /** The figure as it is written while it is current. */
  figure: string;
  /** How it looks while it is current; what is not known has one look everywhere. */
  className?: string;
}

/** A figure, said as one that was when it may no longer hold, and not said at all without counts. */
export function Figure({ certainty, figure, className = "" }: Props) {
  if (certainty === "none") return <span className="text-unknown-ink">–</span>;
  if (certainty === "past") {
    return (
      <span data-certainty="past" className="font-normal text-unknown-ink">
        <span className="text-xs">was</span> {figure}
      </span>
    );
  }
  return <span className={className}>{figure}</span>;
}
