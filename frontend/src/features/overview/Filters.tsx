import { Search } from "lucide-react";
import { forwardRef, useState } from "react";

import type { Selection } from "./selection";

interface Props {
  selection: Selection;
  owners: readonly string[];
  shown: number;
  all: number;
  view: "list" | "heat";
  onChange: (changes: Partial<Selection>) => void;
  onView: (view: "list" | "heat") => void;
}

const BOX = "h-9 rounded-md border border-strong-line bg-panel px-2 text-sm";

export const Filters = forwardRef<HTMLInputElement, Props>(function Filters(props, searchBox) {
  const { selection, onChange } = props;
  // the address follows a moment after the keys: it must not take back what is typed meanwhile
  const [typed, setTyped] = useState(selection.search);
  const [told, setTold] = useState(selection.search);
  if (told !== selection.search) {
    setTold(selection.search);
    if (document.activeElement?.getAttribute("type") !== "search") setTyped(selection.search);
  }
  return (
    <div className="flex flex-wrap items-center gap-2">
      <div className="relative min-w-40 flex-1 sm:max-w-72">
        <Search size={15} aria-hidden className="absolute top-2.5 left-2.5 text-muted" />
        <input
          ref={searchBox}
          type="search"
          aria-label="Search services and owners"
          placeholder="Search  ( / )"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            onChange({ search: event.target.value });
          }}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.preventDefault(); // the browser would empty it; what is found stays
            event.currentTarget.blur();
          }}
          className={`${BOX} w-full pl-8`}
        />
      </div>
      <select
        aria-label="Tier"
        value={selection.tier ?? ""}
        onChange={(event) => onChange({ tier: Number(event.target.value) || null })}
        className={BOX}
      >
        <option value="">every tier</option>
        <option value="1">tier 1, critical</option>
        <option value="2">tier 2, important</option>
        <option value="3">tier 3, standard</option>
      </select>
      <select
        aria-label="Owner"
        value={selection.owner ?? ""}
        onChange={(event) => onChange({ owner: event.target.value || null })}
        className={`${BOX} max-w-44`}
      >
        <option value="">every owner</option>
        {props.owners.map((owner) => (
          <option key={owner}>{owner}</option>
        ))}
      </select>
      <span aria-live="polite" className="text-sm text-muted">
        {props.shown === props.all ? `${props.all} services` : `${props.shown} of ${props.all}`}
      </span>
      <div role="group" aria-label="View" className="ml-auto flex">
        {(["list", "heat"] as const).map((view) => (
          <button
            key={view}
            type="button"
            aria-pressed={props.view === view}
            onClick={() => props.onView(view)}
            className={`h-9 border border-line px-3 text-sm first:rounded-l-md last:rounded-r-md
              ${props.view === view ? "bg-raised font-semibold" : "bg-panel text-muted hover:bg-raised"}`}
          >
            {view === "list" ? "List" : "Heat map"}
          </button>
        ))}
      </div>
    </div>
  );
});
