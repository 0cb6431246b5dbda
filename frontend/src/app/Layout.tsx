import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Outlet, ScrollRestoration, useNavigate, useSearchParams } from "react-router-dom";

import { connection } from "../api/live";
import { overviewQuery } from "../api/overview";
import { StaleContext, isStale } from "../components/freshness";
import { useShortcuts } from "../lib/shortcuts";
import { useStore } from "../lib/store";
import { useNow } from "../lib/useNow";
import { FreshnessBanner } from "./FreshnessBanner";
import { Header } from "./Header";
import { HelpDialog } from "./HelpDialog";
import { TokenDialog } from "./TokenDialog";

export function Layout() {
  const [search] = useSearchParams();
  const wall = search.get("wall") === "1";
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  const overview = useQuery(overviewQuery);
  const now = useNow(1000);
  const stale = isStale(overview, useStore(connection), now);

  useEffect(() => {
    document.documentElement.toggleAttribute("data-wall", wall);
  }, [wall]);
  useShortcuts({
    "?": () => setHelp(true),
    "1": () => void navigate("/"),
    "2": () => void navigate("/alerts"),
    "3": () => void navigate("/releases"),
    "4": () => void navigate("/settings"),
    "5": () => void navigate("/audit"),
    "6": () => void navigate("/keys"),
  });

  return (
    <StaleContext.Provider value={stale}>
      <a
        href="#content"
        className="sr-only z-50 rounded bg-accent px-3 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      {!wall && <Header onHelp={() => setHelp(true)} />}
      <FreshnessBanner query={overview} now={now} stale={stale} />
      <main id="content" tabIndex={-1} className="mx-auto max-w-[142rem] px-3 py-4 sm:px-6">
        <Outlet />
      </main>
      <HelpDialog open={help} onClose={() => setHelp(false)} />
      <TokenDialog />
      <ScrollRestoration />
    </StaleContext.Provider>
  );
}
