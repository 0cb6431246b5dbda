"""Requests that the filled gateway takes."""

from datetime import timedelta
from typing import Any, Final

from tests.support.burn_events import NOW
from tests.support.gateway.results import LETTER_ID

SERVICE: Final = {"name": "checkout", "tier": 1, "owner": "payments"}
TARGET: Final = {"name": "main", "sli_type": "availability", "objective": 0.999}

RELEASE: Final = "/api/release/checkout"
RELEASE_STATEMENT: Final = {"actor": "ana", "reason": "the outage is over"}
OVERRIDE: Final = {**RELEASE_STATEMENT, "decision": "ALLOW", "version": "1.42.1", "max_uses": 3}
POLICY: Final = {**RELEASE_STATEMENT, "document": {"applies_to": {"tiers": [1]}}}

ACTOR: Final = {"actor": "ines"}
WHY: Final = "the work is done"
STATEMENT: Final = {**ACTOR, "reason": WHY}
MATCHERS: Final = [{"name": "service", "value": "check*", "is_glob": True}]
SILENCE: Final = {
    "matchers": MATCHERS,
    "duration_minutes": 60,
    "created_by": "ines",
    "comment": "planned work",
}
LEVELS: Final = [{"severity": "ticket", "at_most_ratio": 0.5}]
RULE: Final = {"name": "half", "kind": "budget_left", "levels": LEVELS, "tiers": [1]}
HOOK: Final = {
    **ACTOR,
    "name": "hook",
    "kind": "webhook",
    "secrets": {"url": "https://hooks.example.com/t0ps3cret", "signing_secret": "s3cret"},
}
RULE_PATH: Final = "/api/rules/burn-rate-page"
TAKE: Final = "/api/alerts/1/acknowledge"

KEY_ID: Final = "4f1d09c2ab37"
KEY: Final = f"/api/keys/{KEY_ID}"
NO_KEY: Final = "/api/keys/0123456789ab"
NEW_KEY: Final = {"name": "pipeline", "scopes": ["read", "ingest"], "expires_in_days": 30}

EVENT: Final = {
    "service": "checkout",
    "source": "edge",
    "timestamp": (NOW - timedelta(minutes=12)).isoformat(),
    "total": 9,
    "bad": 1,
}
LETTER: Final = f"/api/ingest/dead-letters/{LETTER_ID}"
REPLAY: Final = f"{LETTER}/replay"
SKIP: Final = {**STATEMENT, "topic": "slo.metrics.v1", "partition": 1, "offset": 0}
NO_LETTER: Final = f"/api/ingest/dead-letters/{'f' * 32}"

GOOD: Final[list[tuple[str, str, str, Any]]] = [
    ("list_services", "GET", "/api/services?limit=1", None),
    ("create_service", "POST", "/api/services", {**SERVICE, "name": "new"}),
    ("purge_services", "POST", "/api/services/purge", {"source": "shop"}),
    ("get_service", "GET", "/api/services/checkout", None),
    ("update_service", "PUT", "/api/services/checkout", SERVICE),
    ("delete_service", "DELETE", "/api/services/cart", None),
    ("get_slo_status", "GET", "/api/slo/checkout", None),
    ("get_slo_status", "GET", "/api/slo/unseen", None),
    ("list_slo_targets", "GET", "/api/slo/checkout/targets", None),
    ("create_slo_target", "POST", "/api/slo/unseen/targets", TARGET),
    ("update_slo_target", "PUT", "/api/slo/targets/1", {"objective": 99.95}),
    ("update_slo_target", "PUT", "/api/slo/targets/1", {"objective": 99.5, "reason": WHY}),
    ("update_slo_target", "PUT", "/api/slo/targets/1?dry_run=true", {"objective": 99.5}),
    ("create_slo_target", "POST", "/api/slo/unseen/targets?dry_run=true", TARGET),
    ("delete_slo_target", "DELETE", "/api/slo/targets/2", {"reason": WHY}),
    ("delete_slo_target", "DELETE", "/api/slo/targets/2?dry_run=true", None),
    ("list_burn_rates", "GET", "/api/burn", None),
    ("get_burn_history", "GET", "/api/burn/checkout?step=1h", None),
    ("get_counts", "GET", "/api/counts", None),
    ("compute_burn_rates", "POST", "/api/burn/compute", None),
    ("preview_slo_target", "GET", "/api/slo/checkout/preview?objective=0.9995", None),
    ("get_overview", "GET", "/api/overview", None),
    ("get_forecast", "GET", "/api/forecast/checkout", None),
    ("get_forecast", "GET", "/api/forecast/unseen", None),
    ("get_summary", "GET", "/api/summary", None),
    ("get_service_summary", "GET", "/api/summary/checkout", None),
    ("get_service_summary", "GET", "/api/summary/unseen", None),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap", None),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap?step=6h&limit=1", None),
    ("get_release", "GET", RELEASE, None),
    ("get_release", "GET", "/api/release/unseen?change_class=fix&version=2", None),
    ("check_release", "POST", f"{RELEASE}/check", None),
    ("list_decisions", "GET", f"{RELEASE}/history?limit=1", None),
    ("get_decision", "GET", "/api/decisions/01JD1", None),
    ("create_override", "POST", f"{RELEASE}/override", OVERRIDE),
    ("list_overrides", "GET", f"{RELEASE}/override?limit=1", None),
    ("get_override", "GET", f"{RELEASE}/override/1", None),
    ("approve_override", "POST", f"{RELEASE}/override/2/approve", {"actor": "boris"}),
    ("revoke_override", "DELETE", f"{RELEASE}/override/1", RELEASE_STATEMENT),
    ("list_policies", "GET", "/api/policies", None),
    ("get_policy", "GET", "/api/policies/default", None),
    ("put_policy", "PUT", "/api/policies/critical", POLICY),
    ("put_policy", "PUT", "/api/policies/default", {**POLICY, "document": {}}),
    ("delete_policy", "DELETE", "/api/policies/default", RELEASE_STATEMENT),
    ("list_loosenings", "GET", "/api/loosenings?service=checkout&limit=1", None),
    ("get_loosening", "GET", "/api/loosenings/1", None),
    ("approve_loosening", "POST", "/api/loosenings/1/approve", ACTOR),
    ("undo_loosening", "POST", "/api/loosenings/1/undo", STATEMENT),
    ("undo_loosening", "POST", "/api/loosenings/2/undo", STATEMENT),
    ("list_audit", "GET", "/api/audit?limit=1", None),
    ("list_changes", "GET", "/api/changes?limit=1", None),
    ("list_alerts", "GET", "/api/alerts?limit=1", None),
    ("list_alerts", "GET", "/api/alerts?state=firing&state=acknowledged&severity=page", None),
    ("list_alerts", "GET", "/api/alerts?service=cart&since=2026-03-01T00:00:00Z", None),
    ("list_service_alerts", "GET", "/api/alerts/checkout", None),
    ("get_alert_history", "GET", "/api/alerts/1/history", None),
    ("acknowledge_alert", "PATCH", TAKE, {**ACTOR, "comment": "mine", "version": 1}),
    ("list_notifications", "GET", "/api/notifications?limit=1", None),
    ("list_notifications", "GET", "/api/notifications?state=dead&channel=simulated", None),
    ("list_silences", "GET", "/api/silences?state=active", None),
    ("create_silence", "POST", "/api/silences", SILENCE),
    ("get_silence", "GET", "/api/silences/1", None),
    ("expire_silence", "DELETE", "/api/silences/1", STATEMENT),
    ("list_alert_rules", "GET", "/api/rules", None),
    ("create_alert_rule", "POST", "/api/rules", {**STATEMENT, "rule": {**RULE, "name": "third"}}),
    ("get_alert_rule", "GET", RULE_PATH, None),
    ("change_alert_rule", "PATCH", RULE_PATH, {**STATEMENT, "changes": {"enabled": False}}),
    ("delete_alert_rule", "DELETE", "/api/rules/half", STATEMENT),
    ("list_channels", "GET", "/api/channels", None),
    ("create_channel", "POST", "/api/channels", {**HOOK, "name": "other"}),
    ("get_channel", "GET", "/api/channels/2", None),
    ("change_channel", "PUT", "/api/channels/2", {**ACTOR, "enabled": False}),
    ("delete_channel", "DELETE", "/api/channels/2", STATEMENT),
    ("test_channel", "POST", "/api/channels/1/test", ACTOR),
    ("list_keys", "GET", "/api/keys", None),
    ("create_key", "POST", "/api/keys", NEW_KEY),
    ("get_key", "GET", KEY, None),
    ("rotate_key", "POST", f"{KEY}/rotate", {"overlap_hours": 1, "expires_in_days": 90}),
    ("rotate_key", "POST", f"{KEY}/rotate", None),
    ("revoke_key", "DELETE", KEY, None),
    ("list_dead_letters", "GET", "/api/ingest/dead-letters?limit=1", None),
    ("list_dead_letter_sums", "GET", "/api/ingest/dead-letters/sums", None),
    ("list_dead_letters", "GET", "/api/ingest/dead-letters?code=invalid_json", None),
    ("get_dead_letter", "GET", LETTER, None),
    ("replay_dead_letter", "POST", REPLAY, {"actor": "ines", "event": EVENT}),
    ("skip_batch", "POST", "/api/ingest/skips", SKIP),
    ("get_lag", "GET", "/api/ingest/lag", None),
]
"""Operation, method, path, body."""
