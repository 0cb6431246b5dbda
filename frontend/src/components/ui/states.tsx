import type { UseQueryResult } from "@tanstack/react-query";
import { RotateCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

import { ProblemError } from "../../api/client";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { clockTime } from "../../lib/time";
import { StaleContext, useIsStale } from "../freshness";
import { Button } from "./Button";

export function Loading({
  height = "6rem",
  label = "Loading",
}: {
  height?: string;
  label?: string;
}) {
  return (
    <div
      role="status"
      aria-label={label}
      style={{ height }}
      className="animate-pulse rounded-md bg-raised"
    />
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-md border border-dashed border-strong-line p-6 text-center">
      <p className="font-medium">{title}</p>
      {children !== undefined && <div className="mt-2 text-sm text-muted">{children}</div>}
    </div>
  );
}

export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const problem = error instanceof ProblemError ? error : null;
  const fields = problem?.fields.map(({ field, detail }) => `${field}: ${detail}`) ?? [];
  return (
    <div role="alert" className="rounded-md border border-freeze bg-panel p-4 text-sm">
      <p className="flex items-center gap-2 font-medium text-freeze-ink">
        <TriangleAlert size={16} aria-hidden />
        {fields[0] ?? wordsOf(error)}
      </p>
      {fields.slice(1).map((text) => (
        <p key={text} className="mt-1 text-muted">
          {text}
        </p>
      ))}
      {problem?.requestId != null && (
        <p className="mt-1 text-xs text-muted">request {problem.requestId}</p>
      )}
      {onRetry && (
        <Button className="mt-3" onClick={onRetry}>
          <RotateCw size={14} aria-hidden /> Try again
        </Button>
      )}
    </div>
  );
}

/** What `fetch` throws without an answer is a TypeError, whose words say nothing to a reader. */
function wordsOf(error: Error): string {
  return error instanceof TypeError ? "The server cannot be reached." : error.message;
}

interface ShownProps<T> {
  query: UseQueryResult<T>;
  height?: string;
  children: (data: T) => ReactNode;
}

/**
 * Old data stay on the page while they are read anew; only where there are none is it empty. Data
 * that could not be read again are shown, but nothing in them is claimed to be so now.
 */
export function Shown<T>({ query, height = "8rem", children }: ShownProps<T>) {
  const pageIsStale = useIsStale();
  if (query.data !== undefined) {
    const failed = query.isRefetchError;
    return (
      <StaleContext.Provider value={pageIsStale || failed}>
        {failed && !pageIsStale && <Outdated error={query.error} since={query.dataUpdatedAt} />}
        {children(query.data)}
      </StaleContext.Provider>
    );
  }
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading height={height} />;
}

function Outdated({ error, since }: { error: Error; since: number }) {
  const chosenZone = useStore(zone);
  return (
    <p role="alert" className="mb-2 flex items-center gap-2 text-sm text-freeze-ink">
      <TriangleAlert size={15} aria-hidden className="shrink-0" />
      {wordsOf(error)} What stands here is from {clockTime(since, chosenZone)}.
    </p>
  );
}
