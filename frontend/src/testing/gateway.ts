/** What the gateway answers, by the path of its document, where tests have no network. */

import { vi } from "vitest";

import { client } from "../api/client";

export type Answers = Record<string, unknown>;

/** An answer with headers of its own. */
export class Headed {
  constructor(
    readonly data: unknown,
    readonly headers: Record<string, string>,
  ) {}
}

function give(answerTo: (path: string) => Promise<unknown>): void {
  const get = async (path: string) => {
    const answer = await answerTo(path);
    const { data, headers } = answer instanceof Headed ? answer : new Headed(answer, {});
    return { data, response: new Response(null, { headers }) };
  };
  vi.spyOn(client, "GET").mockImplementation(get as never);
}

/** An answer that is an error is what the question ends with. */
export function answerWith(answers: Answers): void {
  give(async (path) => {
    await Promise.resolve();
    const answer = path in answers ? answers[path] : new Error(`the test cannot answer ${path}`);
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

export function failWith(error: Error): void {
  give(() => Promise.reject(error));
}

export function neverAnswer(): void {
  give(() => new Promise(() => undefined));
}

const CALM = {
  burn_rate_5m: 0,
  burn_rate_1h: 0,
  burn_rate_24h: 0,
  composite_burn_rate: 0,
  composite_burn_rate_least: null,
  error_budget_remaining_most: null,
};
const UNCOUNTED = {
  ...CALM,
  error_budget_consumed: 0,
  error_budget_remaining: 1,
  risk_level: "SAFE",
  data_status: "no_data",
};
const WORDS = { facts: [], recommended_actions: [], source: "template" };

/** An installation to which nothing has been sent, and where nothing has been set. */
export const NOTHING: Answers = {
  "/api/overview": { hours_end: [], services: [] },
  "/api/summary": { ...WORDS, sentences: [{ text: "The fleet has no service.", facts: [] }] },
  "/api/alerts": [],
  "/api/silences": [],
  "/api/rules": [],
  "/api/channels": [],
  "/api/audit": [],
  "/api/policies": [],
  "/api/services": [],
  "/api/burn": [],
  "/api/ingest/lag": { lag_records: 0, lag_seconds: 0, shards: [], outboxes: [] },
  "/api/ingest/dead-letters": [],
};

const DEFAULT_SLO = {
  ...UNCOUNTED,
  id: null,
  name: "default",
  sli_type: "availability",
  objective: 0.999,
  window_days: 30,
  default: true,
  total: 0,
  bad: 0,
  bad_events_left: 0,
  uncertain: 0,
  coverage_ratio: 1,
  windows: {},
  burn_pairs: [],
};

/** A service that has been declared, and of which nothing else is known. */
export const DECLARED: Answers = {
  "/api/slo/{service_name}": {
    ...UNCOUNTED,
    service_name: "cart",
    slo_id: null,
    newest_at: null,
    slos: [DEFAULT_SLO],
  },
  "/api/services/{name}": { name: "cart", tier: 2, owner: "", description: null },
  "/api/slo/{service_name}/targets": [],
  "/api/forecast/{service_name}": { slos: [] },
  "/api/release/{service_name}": {
    decision: "UNKNOWN",
    allowed: true,
    overridden: false,
    override: null,
    reasons: [{ code: "no_data", slo: null, message: "nothing has been counted" }],
    tier: 2,
    policy: "default",
    data_age_seconds: null,
    newest_report_at: null,
    evaluated_at: "2026-11-23T06:40:00Z",
    decision_id: "",
    unblocked_at: null,
  },
  "/api/release/{service_name}/override": [],
  "/api/release/{service_name}/history": [],
  "/api/summary/{service_name}": {
    ...WORDS,
    sentences: [{ text: "Nothing came.", facts: [] }],
    risk_level: UNCOUNTED.risk_level,
    data_status: UNCOUNTED.data_status,
    figures_at: "2026-11-23T06:40:00Z",
    decision_id: null,
  },
  "/api/burn/{service_name}": { points: [], step_seconds: 300 },
  "/api/changes": [],
  "/api/alerts/{service_name}": [],
};
