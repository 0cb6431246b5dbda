import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import type { OverviewRow } from "../../api/overview";
import { CELL, COLUMNS } from "./columns";
import type { Sort } from "./selection";
import { ServiceRow } from "./ServiceRow";

interface Props {
  rows: readonly OverviewRow[];
  active: number;
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
export function ServiceTable({ rows, active, sort, onSort }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    setOffset(list.current?.offsetTop ?? 0);
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 47,
    overscan: 8,
    scrollMargin: offset,
    getItemKey: useCallback((index: number) => rows[index]?.service_name ?? index, [rows]),
  });
  useEffect(() => {
    if (active >= 0) virtual.scrollToIndex(active, { align: "auto" });
  }, [active, virtual]);

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
      <div ref={list} className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return row ? (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className="absolute inset-x-0 top-0"
              style={{ transform: `translateY(${item.start - offset}px)` }}
            >
              <ServiceRow row={row} active={item.index === active} />
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
