import type { UseQueryResult } from "@tanstack/react-query";
import { RotateCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

import { ProblemError } from "../../api/client";
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
  return (
    <div role="alert" className="rounded-md border border-freeze bg-panel p-4 text-sm">
      <p className="flex items-center gap-2 font-medium text-freeze-ink">
        <TriangleAlert size={16} aria-hidden />
        {problem ? problem.message : "The server cannot be reached."}
      </p>
      {problem?.fields.map((field) => (
        <p key={field.field} className="mt-1 text-muted">
          {field.field}: {field.detail}
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

interface ShownProps<T> {
  query: UseQueryResult<T>;
  height?: string;
  children: (data: T) => ReactNode;
}

/** Old data stay on the page while they are read anew; only where there are none is it empty. */
export function Shown<T>({ query, height = "8rem", children }: ShownProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading height={height} />;
}
