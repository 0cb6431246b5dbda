import type { OverviewRow } from "../api/overview";
import type { Decision } from "../lib/vocabulary";

/** A calm service; a test changes what it is about. */
export function overviewRow(name: string, changes: Partial<OverviewRow> = {}): OverviewRow {
  return {
    service_name: name,
    tier: 2,
    owner: "team-shop",
    data_status: "ok",
    risk_level: "SAFE",
    risk_capped: false,
    burn_rate_5m: 0.1,
    burn_rate_1h: 0.1,
    burn_rate_24h: 0.1,
    composite_burn_rate: 0.1,
    composite_burn_rate_least: null,
    error_budget_consumed: 0.2,
    error_budget_remaining: 0.8,
    error_budget_remaining_most: null,
    slo_name: "availability",
    objective: 0.999,
    window_days: 30,
    budget_slo_name: "availability",
    budget_window_days: 30,
    slo_count: 1,
    default_slo: false,
    bad_events_left: 800,
    coverage_ratio: 1,
    timestamp: "2026-11-23T06:40:00Z",
    newest_at: "2026-11-23T06:40:00Z",
    snapshot_id: "1.1795416000000000",
    forecast: {
      name: "availability",
      time_to_exhaustion_hours: null,
      p10_hours: null,
      p90_hours: null,
      burn_rate_trend: "stable",
      confidence_level: "high",
      forecast_status: "known",
    },
    decision: null,
    hourly_burn_rates: [],
    hourly_burn_rates_least: null,
    ...changes,
  };
}

/** A person has decided instead of the gate, for half an hour from now. */
export function overriddenGate(decision: Decision): NonNullable<OverviewRow["decision"]> {
  return {
    decision,
    allowed: decision !== "BLOCK",
    reason: "key/ana overrides until 12:30: hotfix for the payment outage",
    overridden: true,
    override: {
      id: 3,
      actor: "key/ana",
      on_behalf_of: "ana",
      reason: "hotfix for the payment outage",
      expires_at: new Date(Date.now() + 30 * 60_000).toISOString(),
      max_uses: 1,
      uses: 0,
    },
    decision_id: "01JD3Z",
    snapshot_id: "1.1795416000000000",
  };
}

export function burningRow(name: string, rate: number): OverviewRow {
  return overviewRow(name, {
    risk_level: rate > 2 ? "FREEZE" : "DANGER",
    composite_burn_rate: rate,
    burn_rate_5m: rate,
    burn_rate_1h: rate,
    burn_rate_24h: rate,
  });
}
