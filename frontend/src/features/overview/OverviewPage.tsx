import { useQuery } from "@tanstack/react-query";
import { memo, useDeferredValue, useMemo, useRef } from "react";
import { Link } from "react-router-dom";

import { overviewQuery, type Overview } from "../../api/overview";
import { useIsStale } from "../../components/freshness";
import { NoService } from "../../components/NoService";
import { Button } from "../../components/ui/Button";
import { Empty, Shown } from "../../components/ui/states";
import type { Health } from "../../lib/health";
import { useShortcuts } from "../../lib/shortcuts";
import { useAddress, withParameter } from "../../lib/useAddress";
import { Filters } from "./Filters";
import { FleetPanel } from "./FleetPanel";
import { headlineOf } from "./headline";
import { HeatMap } from "./HeatMap";
import {
  countByHealth,
  ownersOf,
  selected,
  selectionOf,
  withSelection,
  withToggled,
} from "./selection";
import type { Selection } from "./selection";
import { ServiceTable } from "./ServiceTable";
import { StatusStrip } from "./StatusStrip";

export function OverviewPage() {
  const query = useQuery(overviewQuery);
  return (
    <>
      <h1 className="sr-only">Overview of all services</h1>
      <Shown query={query} height="60vh">
        {(overview) =>
          overview.services.length > 0 ? <LiveFleet overview={overview} /> : <NoService />
        }
      </Shown>
    </>
  );
}

/** News are drawn in the background: a key or a click comes first. */
function LiveFleet({ overview }: { overview: Overview }) {
  return <Fleet overview={useDeferredValue(overview)} />;
}

const Fleet = memo(function Fleet({ overview }: { overview: Overview }) {
  const [search, edit] = useAddress();
  const stale = useIsStale();
  const counts = useMemo(() => countByHealth(overview.services, stale), [overview, stale]);
  const owners = useMemo(() => ownersOf(overview.services), [overview]);
  const selection = useMemo(() => selectionOf(search), [search]);
  const view = search.get("view") === "heat" ? "heat" : "list";
  const rows = useMemo(() => selected(overview.services, selection), [overview, selection]);
  const searchBox = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => searchBox.current?.focus() });

  const change = (changes: Partial<Selection>) =>
    edit((now) => withSelection(now, changes), { replace: true });
  const toggle = (health: Health) => edit((now) => withToggled(now, health), { replace: true });
  const setView = (wanted: "list" | "heat") =>
    edit((now) => withParameter(now, "view", wanted === "heat" ? wanted : null));

  return (
    <div className={`flex flex-col gap-3 ${stale ? "opacity-70" : ""}`}>
      <StatusStrip counts={counts} chosen={selection.healths} onToggle={toggle} />
      <HeadlineText overview={overview} />
      <Filters
        ref={searchBox}
        selection={selection}
        owners={owners}
        shown={rows.length}
        all={overview.services.length}
        view={view}
        onChange={change}
        onView={setView}
      />
      {rows.length === 0 ? (
        <Empty title="No service matches">
          <Button onClick={() => edit(() => new URLSearchParams())}>
            Show all {overview.services.length}
          </Button>
        </Empty>
      ) : view === "heat" ? (
        <HeatMap rows={rows} hoursEnd={overview.hours_end} />
      ) : (
        <ServiceTable rows={rows} sort={selection.sort} onSort={(sort) => change({ sort })} />
      )}
      <FleetPanel />
    </div>
  );
});

function HeadlineText({ overview }: { overview: Overview }) {
  const stale = useIsStale();
  const headline = useMemo(() => headlineOf(overview.services, stale), [overview, stale]);
  return (
    <p data-testid="headline" className="px-1 text-base leading-6">
      {headline.worst !== null && (
        <>
          <Link to={`/services/${headline.worst}`} className="font-semibold underline">
            {headline.worst}
          </Link>{" "}
        </>
      )}
      {headline.text}
    </p>
  );
}
