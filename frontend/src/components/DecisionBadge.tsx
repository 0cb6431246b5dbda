import {
  Ban,
  CircleHelp,
  LockOpen,
  TriangleAlert,
  UserRoundCheck,
  type LucideIcon,
} from "lucide-react";

import type { Decision } from "../lib/vocabulary";
import { useIsStale } from "./freshness";

const LOOKS: Record<Decision, { icon: LucideIcon; ink: string; word: string }> = {
  ALLOW: { icon: LockOpen, ink: "text-safe-ink", word: "may deploy" },
  WARN: { icon: TriangleAlert, ink: "text-danger-ink", word: "may, with a warning" },
  BLOCK: { icon: Ban, ink: "text-freeze-ink", word: "blocked" },
  UNKNOWN: { icon: CircleHelp, ink: "text-unknown-ink", word: "not known" },
};

interface Props {
  decision: Decision;
  /** What an unknown state comes to by the policy. */
  allowed: boolean;
  /** A person has decided: that is a state of its own, and never the look of health. */
  overridden: boolean;
  large?: boolean;
}

export function DecisionBadge({ decision, allowed, overridden, large = false }: Props) {
  const stale = useIsStale();
  const shown = stale ? "UNKNOWN" : decision;
  const byPerson = overridden && !stale;
  const { icon, ink, word } = LOOKS[shown];
  const Icon = byPerson ? UserRoundCheck : icon;
  const consequence = shown === "UNKNOWN" && !stale ? (allowed ? ", may deploy" : ", blocked") : "";
  return (
    <span
      className={`inline-flex items-center gap-1.5 align-middle font-semibold whitespace-nowrap
        ${byPerson ? "text-overridden-ink" : ink} ${large ? "text-lg" : "text-sm"}`}
    >
      <Icon size={large ? 20 : 15} aria-hidden className="shrink-0" />
      {byPerson && "OVERRIDDEN, "}
      {word}
      {consequence}
    </span>
  );
}
