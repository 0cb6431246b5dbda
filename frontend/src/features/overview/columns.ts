/** The columns of the list: all of them on a desk, fewer on a tablet, two lines on a phone. */

export const COLUMNS =
  "grid-cols-[minmax(0,1fr)_auto_auto] " +
  "md:grid-cols-[minmax(9rem,1.2fr)_7.5rem_7rem_11rem_7rem_minmax(9rem,1.3fr)] " +
  "xl:grid-cols-[minmax(9rem,1fr)_7.5rem_7.5rem_4.5rem_4.5rem_4.5rem_10.5rem_7rem_minmax(12rem,1.6fr)_8rem]";

export const CELL = {
  name: "min-w-0",
  level: "",
  composite: "text-right md:text-left",
  window: "hidden text-right xl:block",
  budget: "col-span-2 min-w-0 md:col-span-1",
  exhaustion: "hidden md:block",
  gate: "col-span-3 min-w-0 md:col-span-1",
  trend: "hidden xl:block",
};
