/** Requests to the gateway: typed by its document, with the token, problems as errors. */

import createClient, { type Middleware } from "openapi-fetch";

import { token } from "../lib/token";
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
  onResponse: async ({ response }) => {
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

/** For operations that this gateway may not have: null where the path does not exist at all. */
export async function getOptional<T>(path: string, signal?: AbortSignal): Promise<T | null> {
  const init = { headers: withToken(new Headers()), ...(signal ? { signal } : {}) };
  const response = await fetch(path, init);
  if (response.ok) return (await response.json()) as T;
  const problem = await problemOf(response);
  if (problem.status === 404 && !problem.code.startsWith("unknown_")) return null;
  throw problem;
}

export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers = withToken(new Headers({ "Content-Type": "application/json" }));
  const response = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? null : await response.json()) as T;
}
