import type { UseQueryResult } from "@tanstack/react-query";
import { TriangleAlert, WifiOff } from "lucide-react";

import { connection } from "../api/live";
import { duration } from "../lib/format";
import { zone } from "../lib/preferences";
import { useStore } from "../lib/store";
import { clockTime } from "../lib/time";

interface Props {
  query: UseQueryResult;
  now: number;
  stale: boolean;
}

/** Says it when the page may not be believed, and how old what it shows is. */
export function FreshnessBanner({ query, now, stale }: Props) {
  const state = useStore(connection);
  const chosenZone = useStore(zone);
  const age = duration((now - query.dataUpdatedAt) / 1000);
  if (stale) {
    return (
      <div
        role="alert"
        className="flex flex-wrap items-center justify-center gap-2 bg-freeze-ink px-4 py-2 text-sm font-medium text-white dark:bg-[#8a3c06]"
      >
        <TriangleAlert size={16} aria-hidden />
        The server does not answer. What stands here is from{" "}
        {clockTime(query.dataUpdatedAt, chosenZone)}, {age} ago, and no longer to be relied on.
      </div>
    );
  }
  if (state !== "polling") return null;
  return (
    <div
      role="status"
      className="flex flex-wrap items-center justify-center gap-2 border-b border-line bg-raised px-4 py-1.5 text-sm"
    >
      <WifiOff size={15} aria-hidden />
      The live stream is down; the page asks every 10 s instead.
    </div>
  );
}
