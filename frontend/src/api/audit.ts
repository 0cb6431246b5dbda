import { infiniteQueryOptions } from "@tanstack/react-query";

import { client, dataOf, problemOf, withToken, type Schemas } from "./client";
import { keys } from "./keys";
import type { paths } from "./schema";

export type AuditEntry = Schemas["AuditAnswer"];
export type FileFormat = "csv" | "ndjson";
/** What may be asked of the audit; what is left out is not asked for. */
export type AuditFilter = Omit<
  NonNullable<paths["/api/audit"]["get"]["parameters"]["query"]>,
  "limit" | "cursor" | "format"
>;

const PAGE = 50;

interface Page {
  entries: AuditEntry[];
  next: string | undefined;
}

export function auditQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: keys.auditOf(filter),
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ signal, pageParam: cursor }): Promise<Page> => {
      const query = { ...filter, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
      const answer = await client.GET("/api/audit", { params: { query }, signal });
      // without a format it is never a file
      const entries = dataOf(answer) as AuditEntry[];
      return { entries, next: nextCursor(answer.response) };
    },
    getNextPageParam: (page) => page.next,
  });
}

function nextCursor(response: Response | undefined): string | undefined {
  const link = /<([^>]*)>; rel="next"/.exec(response?.headers.get("Link") ?? "")?.[1];
  if (link === undefined) return undefined;
  return new URL(link, location.origin).searchParams.get("cursor") ?? undefined;
}

/** The audit, or what of it is asked for, as a file that `burnline audit verify` verifies. */
export async function auditFile(filter: AuditFilter, format: FileFormat): Promise<Blob> {
  const asked = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(filter)) if (value != null) asked.set(name, value);
  const headers = withToken(new Headers());
  const response = await fetch(`/api/audit?${asked.toString()}`, { headers });
  if (!response.ok) throw await problemOf(response);
  return response.blob();
}
