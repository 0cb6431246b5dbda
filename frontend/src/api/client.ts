/** Requests to the gateway: typed by its document, with the token, problems as errors. */

import createClient, { type Middleware } from "openapi-fetch";

import { forgetRefused, token } from "../lib/token";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** What the server says went wrong, and what to do about it (RFC 9457). */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly requestId: string | null,
    readonly fields: readonly { field: string; detail: string }[] = [],
  ) {
    super(detail);
    this.name = "ProblemError";
  }
}

export function withToken(headers: Headers): Headers {
  const known = token.get();
  if (known !== null) headers.set("Authorization", `Bearer ${known}`);
  return headers;
}

const authorize: Middleware = {
  onRequest: ({ request }) => {
    withToken(request.headers);
  },
  onResponse: async ({ request, response }) => {
    if (response.status === 401) forgetRefused(request.headers.get("Authorization"));
    if (!response.ok && response.status !== 304) throw await problemOf(response);
  },
};

export const client = createClient<paths>({ baseUrl: location.origin });
client.use(authorize);

export async function problemOf(response: Response): Promise<ProblemError> {
  const requestId = response.headers.get("X-Request-ID");
  try {
    const body = (await response.json()) as Partial<Schemas["ProblemDocument"]>;
    const detail = body.detail ?? response.statusText;
    return new ProblemError(
      response.status,
      body.code ?? "unknown",
      detail,
      requestId,
      body.errors ?? [],
    );
  } catch {
    const detail = `The server answered ${response.status} ${response.statusText}`;
    return new ProblemError(response.status, "unreadable", detail, requestId);
  }
}

/** The answer's data; openapi-fetch leaves it out only after an error, which has been thrown. */
export function dataOf<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new ProblemError(0, "empty", "The answer was empty", null);
  return answer.data;
}
