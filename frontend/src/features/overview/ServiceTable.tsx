import { ArrowDown } from "lucide-react";

import type { OverviewRow } from "../../api/overview";
import { CELL, COLUMNS } from "./columns";
import type { Sort } from "./selection";
import { ServiceRow } from "./ServiceRow";
import { useActiveRow } from "./useActiveRow";
import { useRowWindow } from "./useRowWindow";

interface Props {
  rows: readonly OverviewRow[];
  sort: Sort;
  onSort: (sort: Sort) => void;
}

const HEADS: readonly (readonly [cell: keyof typeof CELL, label: string, sort: Sort | null])[] = [
  ["name", "Service", "name"],
  ["level", "Level", "worst"],
  ["composite", "Composite", null],
  ["window", "5 min", "5m"],
  ["window", "1 h", "1h"],
  ["window", "24 h", "24h"],
  ["budget", "Budget left", "budget"],
  ["exhaustion", "Spent in", "exhaustion"],
  ["gate", "Release now", null],
  ["trend", "24 h by hour", null],
];

/** Only the rows near the window are in the document, so that many services cost as few do. */
export function ServiceTable({ rows, sort, onSort }: Props) {
  const { list, places, height, reveal } = useRowWindow(rows);
  const active = useActiveRow(rows, reveal);

  return (
    <div className="overflow-hidden rounded-lg border border-line bg-panel">
      <div
        className={`hidden gap-x-3 border-b border-line px-4 py-1.5 text-xs text-muted md:grid ${COLUMNS}`}
      >
        {HEADS.map(([cell, label, by]) => (
          <div key={label} className={CELL[cell]}>
            {by === null ? (
              label
            ) : (
              <SortHead label={label} on={sort === by} by={by} onSort={onSort} />
            )}
          </div>
        ))}
      </div>
      <div ref={list} className="relative" style={{ height }}>
        {places.map(({ index, key, top, height: tall }) => {
          const row = rows[index];
          return row ? (
            <div
              key={key}
              className="absolute inset-x-0 top-0 contain-strict"
              style={{ transform: `translateY(${top}px)`, height: tall }}
            >
              <ServiceRow row={row} active={row.service_name === active} />
            </div>
          ) : null;
        })}
      </div>
    </div>
  );
}

interface SortHeadProps {
  label: string;
  by: Sort;
  on: boolean;
  onSort: (sort: Sort) => void;
}

function SortHead({ label, by, on, onSort }: SortHeadProps) {
  return (
    <button
      type="button"
      aria-pressed={on}
      aria-label={`Sort by ${label}`}
      onClick={() => onSort(by)}
      className={`inline-flex items-center gap-1 rounded hover:text-ink ${on ? "font-semibold text-ink" : ""}`}
    >
      {label}
      {on && <ArrowDown size={12} aria-hidden />}
    </button>
  );
}
