import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Tooltip } from "radix-ui";
import { useEffect } from "react";
import { RouterProvider } from "react-router-dom";

import { ProblemError } from "../api/client";
import { keepFresh } from "../api/live";
import { router } from "./router";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // the stream says when something is new; what it cannot reach is asked for again by polling
      staleTime: 60_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ProblemError && error.status < 500),
    },
  },
});

export function App() {
  useEffect(() => {
    const ending = new AbortController();
    void keepFresh(queries, ending.signal);
    return () => ending.abort();
  }, []);
  return (
    <QueryClientProvider client={queries}>
      <Tooltip.Provider delayDuration={250}>
        <RouterProvider router={router} />
      </Tooltip.Provider>
    </QueryClientProvider>
  );
}
