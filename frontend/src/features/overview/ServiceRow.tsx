import { ArrowDown, ArrowRight, ArrowUp, Minus } from "lucide-react";
import { memo, type ReactNode } from "react";
import { Link } from "react-router-dom";

import type { OverviewRow } from "../../api/overview";
import { BudgetBar } from "../../components/BudgetBar";
import { Sparkline } from "../../components/charts/Sparkline";
import { DecisionBadge } from "../../components/DecisionBadge";
import { HealthBadge } from "../../components/HealthBadge";
import { burnRate, count, hourInterval, hours } from "../../lib/format";
import { DIRECTION_WORDS, direction, type Direction } from "../../lib/health";
import { CELL, COLUMNS } from "./columns";

interface Props {
  row: OverviewRow;
  active: boolean;
}

export const ServiceRow = memo(function ServiceRow({ row, active }: Props) {
  const known = row.data_status !== "no_data";
  return (
    <Link
      to={`/services/${row.service_name}`}
      data-service={row.service_name}
      className={`grid items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1.5 hover:bg-raised sm:px-4
        ${COLUMNS} ${active ? "bg-raised outline-2 -outline-offset-2 outline-accent" : ""}`}
    >
      <div className={CELL.name}>
        <div className="truncate font-semibold">{row.service_name}</div>
        <div className="truncate text-xs text-muted">
          tier {row.tier}
          {row.owner && ` · ${row.owner}`}
        </div>
      </div>
      <div className={CELL.level}>
        <HealthBadge level={row.risk_level} status={row.data_status} />
      </div>
      <div className={CELL.composite}>
        <div className="font-semibold">{known ? burnRate(row.composite_burn_rate) : "–"}</div>
        <DirectionMark direction={direction(row)} grave={row.burn_rate_5m >= 1} />
      </div>
      <Rate className={CELL.window} rate={known ? row.burn_rate_5m : null} />
      <Rate className={CELL.window} rate={known ? row.burn_rate_1h : null} />
      <Rate className={CELL.window} rate={known ? row.burn_rate_24h : null} />
      <div className={CELL.budget}>
        <BudgetBar remaining={row.error_budget_remaining} known={row.bad_events_left !== null} />
        <div className="truncate text-xs text-muted">{failuresLeft(row)}</div>
      </div>
      <Exhaustion className={CELL.exhaustion} row={row} />
      <Gate className={CELL.gate} row={row} />
      <div className={CELL.trend}>
        <Sparkline
          values={row.hourly_burn_rates}
          label={`burn rate of ${row.service_name} in the last 24 hours`}
        />
      </div>
    </Link>
  );
});

function Rate({ rate, className }: { rate: number | null; className: string }) {
  return (
    <div className={`${className} ${rate !== null && rate >= 1 ? "font-semibold" : "text-muted"}`}>
      {burnRate(rate)}
    </div>
  );
}

const ARROWS: Record<Direction, ReactNode> = {
  worse: <ArrowUp size={12} aria-hidden />,
  better: <ArrowDown size={12} aria-hidden />,
  steady: <ArrowRight size={12} aria-hidden />,
  unknown: <Minus size={12} aria-hidden />,
};

function DirectionMark({ direction: towards, grave }: { direction: Direction; grave: boolean }) {
  return (
    <div
      className={`flex items-center gap-0.5 text-xs whitespace-nowrap ${towards === "worse" && grave ? "font-semibold text-freeze-ink" : "text-muted"}`}
    >
      {ARROWS[towards]}
      {towards === "unknown" ? "–" : DIRECTION_WORDS[towards]}
    </div>
  );
}

function failuresLeft(row: OverviewRow): string {
  const left = row.bad_events_left;
  if (left === null) return "no requests counted";
  return left >= 0 ? `${count(left)} failures left` : `${count(-left)} failures too many`;
}

function Exhaustion({ row, className }: { row: OverviewRow; className: string }) {
  if (row.error_budget_remaining <= 0 && row.bad_events_left !== null) {
    return <div className={`${className} font-semibold text-spent-ink`}>spent</div>;
  }
  const forecast = row.forecast;
  const interval = hourInterval(forecast.p10_hours, forecast.p90_hours);
  return (
    <div className={className}>
      {forecast.time_to_exhaustion_hours === null ? (
        <span className="text-muted">not in sight</span>
      ) : (
        hours(forecast.time_to_exhaustion_hours)
      )}
      {interval && <div className="text-xs text-muted">{interval}</div>}
    </div>
  );
}

function Gate({ row, className }: { row: OverviewRow; className: string }) {
  const gate = row.decision;
  if (gate === null) return <div className={`${className} text-muted`}>no decision yet</div>;
  return (
    <div className={className}>
      <DecisionBadge decision={gate.decision} allowed={gate.allowed} />
      <div
        title={gate.reason ?? undefined}
        className={`text-xs text-muted ${gate.decision === "ALLOW" ? "truncate" : "line-clamp-2"}`}
      >
        {gate.reason}
      </div>
    </div>
  );
}
