import { useWindowVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useState, type RefCallback } from "react";

import type { OverviewRow } from "../../api/overview";
import { useMatches } from "../../lib/useMatches";
import { useRootFontSize } from "../../lib/useRootFontSize";
import { NARROW, rowHeight } from "./columns";

export interface RowPlace {
  index: number;
  key: string;
  top: number;
  height: number;
}

interface RowWindow {
  /** For the element that holds the rows. */
  list: RefCallback<HTMLElement>;
  places: RowPlace[];
  /** Of the whole list, drawn or not. */
  height: number;
  reveal: (index: number) => void;
}

/**
 * Which rows are near the window, and where they stand, in pixels. Heights follow from what is in
 * a row: to measure them would make the browser lay out the page several times for each update.
 */
export function useRowWindow(rows: readonly OverviewRow[]): RowWindow {
  const narrow = useMatches(NARROW);
  const rem = useRootFontSize();
  const [offset, setOffset] = useState(0);
  const list = useCallback((element: HTMLElement | null) => setOffset(element?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => rowHeight(rows[index], narrow) * rem,
    getItemKey: useCallback((index: number) => rows[index]?.service_name ?? index, [rows]),
    overscan: 4,
    scrollMargin: offset,
    useFlushSync: false,
  });
  useEffect(() => virtual.measure(), [virtual, narrow, rem]);
  return {
    list,
    places: virtual.getVirtualItems().map(({ index, key, start, size }) => ({
      index,
      key: String(key),
      top: start - offset,
      height: size,
    })),
    height: virtual.getTotalSize(),
    reveal: (index) => reveal(virtual, index),
  };
}

/** To scroll asks the browser for a layout: what is in view already needs none. */
function reveal(virtual: Virtualizer<Window, Element>, index: number): void {
  const [row, top] = [virtual.measurementsCache[index], virtual.scrollOffset];
  if (row === undefined || top === null) return;
  const bottom = top + (virtual.scrollRect?.height ?? 0);
  if (row.start < top || row.end > bottom) virtual.scrollToIndex(index, { align: "auto" });
}
