import { forwardRef } from "react";

import { TIERS, TIER_WORDS } from "../../lib/vocabulary";
import { SearchBox } from "./SearchBox";
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
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SearchBox
        ref={searchBox}
        search={selection.search}
        className={BOX}
        onSearch={(search) => onChange({ search })}
      />
      <select
        aria-label="Tier"
        value={selection.tier ?? ""}
        onChange={(event) => onChange({ tier: Number(event.target.value) || null })}
        className={BOX}
      >
        <option value="">every tier</option>
        {TIERS.map((tier) => (
          <option key={tier} value={tier}>
            tier {tier}, {TIER_WORDS[tier]}
          </option>
        ))}
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
