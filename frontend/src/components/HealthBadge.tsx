import {
  CircleCheck,
  CircleHelp,
  Eye,
  Octagon,
  TriangleAlert,
  type LucideIcon,
} from "lucide-react";

import { MEANING, STATUS_MEANING, STATUS_WORDS, healthOf, type Health } from "../lib/health";
import type { DataStatus, RiskLevel } from "../lib/vocabulary";
import { Hover } from "./ui/Hover";
import { useIsStale } from "./freshness";

interface Look {
  icon: LucideIcon;
  ink: string;
  fill: string;
}

export const LOOKS: Record<Health, Look> = {
  SAFE: { icon: CircleCheck, ink: "text-safe-ink", fill: "var(--safe)" },
  OBSERVE: { icon: Eye, ink: "text-observe-ink", fill: "var(--observe)" },
  DANGER: { icon: TriangleAlert, ink: "text-danger-ink", fill: "var(--danger)" },
  FREEZE: { icon: Octagon, ink: "text-freeze-ink", fill: "var(--freeze)" },
  UNKNOWN: { icon: CircleHelp, ink: "text-unknown-ink", fill: "var(--unknown)" },
};

interface Props {
  level: RiskLevel;
  status: DataStatus;
  large?: boolean;
}

/** Icon, word and colour; the word for what is not known is why it is not. */
export function HealthBadge({ level, status, large = false }: Props) {
  const stale = useIsStale();
  const health = stale ? "UNKNOWN" : healthOf({ risk_level: level, data_status: status });
  const word = health !== "UNKNOWN" ? health : stale ? "not current" : STATUS_WORDS[status];
  const why = health !== "UNKNOWN" ? MEANING[health] : stale ? STALE : STATUS_MEANING[status];
  const { icon: Icon, ink } = LOOKS[health];
  const look = `inline-flex items-center gap-1.5 align-middle font-semibold whitespace-nowrap ${ink}`;
  if (!large) {
    // there may be hundreds of them: the browser's own tip costs nothing
    return (
      <span title={why} className={`${look} text-sm`}>
        <Icon size={16} aria-hidden className="shrink-0" />
        {word}
      </span>
    );
  }
  return (
    <Hover says={why}>
      <span tabIndex={0} className={`${look} text-lg`}>
        <Icon size={20} aria-hidden className="shrink-0" />
        {word}
      </span>
    </Hover>
  );
}

const STALE = "This page has not heard from the server for a while, so it claims nothing.";
