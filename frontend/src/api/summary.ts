import { queryOptions } from "@tanstack/react-query";

import { getOptional } from "./client";

export interface Fact {
  id: string;
  name: string;
  value: unknown;
  text: string;
}

export interface Insight {
  severity?: string;
  text: string;
}

/** A service in plain words: each figure of `narrative` stands in a fact's `text`. */
export interface Narrative {
  service_name?: string;
  narrative: string;
  facts: Fact[];
  insights: (Insight | string)[];
  recommended_actions: (Insight | string | { action: string })[];
  source: string;
  generated_at: string;
}

export function narrativeQuery(service: string) {
  return queryOptions({
    queryKey: ["service", service, "narrative"],
    queryFn: ({ signal }) => getOptional<Narrative>(`/api/summary/${service}`, signal),
    refetchInterval: 30_000,
  });
}
