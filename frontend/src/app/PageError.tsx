import { useRouteError } from "react-router-dom";

import { Failure } from "../components/ui/states";

/** A fault of the page itself: say so, and let it be loaded again. */
export function PageError() {
  const error = useRouteError();
  const shown = error instanceof Error ? error : new Error(String(error));
  return (
    <main className="mx-auto max-w-2xl p-6">
      <h1 className="mb-3 text-lg font-semibold">This page has failed</h1>
      <Failure error={shown} onRetry={() => location.reload()} />
      <pre className="mt-3 overflow-auto text-xs text-muted">{shown.message}</pre>
    </main>
  );
}
