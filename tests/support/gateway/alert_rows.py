"""What the operations of alerts answer, for the contract's tests."""

from datetime import timedelta
from typing import Any, Final

from api_gateway.alerts.ports import HistoryLine
from tests.support.burn_events import NOW
from tests.support.gateway.alerts import alert, notification
from tests.support.gateway.in_memory import GatewayHarness

OPERATIONS: Final = {
    "list_alerts",
    "list_service_alerts",
    "get_alert_history",
    "acknowledge_alert",
    "list_notifications",
    "list_silences",
    "create_silence",
    "get_silence",
    "expire_silence",
    "list_alert_rules",
    "create_alert_rule",
    "get_alert_rule",
    "change_alert_rule",
    "delete_alert_rule",
    "list_channels",
    "create_channel",
    "get_channel",
    "change_channel",
    "delete_channel",
    "test_channel",
}
CREATE_NOTHING: Final = {"test_channel"}

ACTOR: Final = {"actor": "ines"}
STATEMENT: Final = {**ACTOR, "reason": "the work is done"}
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
RULE_PATH, TAKE = "/api/rules/burn-rate-page", "/api/alerts/1/acknowledge"

GOOD: Final[list[tuple[str, str, str, Any]]] = [
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
]
BAD: Final[list[tuple[str, str, str, Any, int]]] = [
    ("list_alerts", "GET", "/api/alerts?state=open", None, 422),
    ("list_alerts", "GET", "/api/alerts?since=2026-03-01T00:00:00", None, 422),
    ("list_service_alerts", "GET", "/api/alerts/nobody", None, 404),
    ("list_service_alerts", "GET", "/api/alerts/checkout?limit=0", None, 422),
    ("get_alert_history", "GET", "/api/alerts/99/history", None, 404),
    ("get_alert_history", "GET", "/api/alerts/x/history", None, 422),
    ("acknowledge_alert", "PATCH", "/api/alerts/99/acknowledge", ACTOR, 404),
    ("acknowledge_alert", "PATCH", "/api/alerts/2/acknowledge", ACTOR, 409),
    ("acknowledge_alert", "PATCH", TAKE, {**ACTOR, "version": 2}, 409),
    ("acknowledge_alert", "PATCH", TAKE, {}, 422),
    ("list_notifications", "GET", "/api/notifications?state=lost", None, 422),
    ("list_silences", "GET", "/api/silences?cursor=x", None, 422),
    ("create_silence", "POST", "/api/silences", {**SILENCE, "matchers": []}, 422),
    ("create_silence", "POST", "/api/silences", {**SILENCE, "ends_at": "2026-03-09T00:00Z"}, 422),
    ("get_silence", "GET", "/api/silences/99", None, 404),
    ("expire_silence", "DELETE", "/api/silences/99", STATEMENT, 404),
    ("expire_silence", "DELETE", "/api/silences/1", ACTOR, 422),
    ("create_alert_rule", "POST", "/api/rules", {**STATEMENT, "rule": RULE}, 409),
    ("create_alert_rule", "POST", "/api/rules", {**STATEMENT, "rule": {}}, 422),
    ("get_alert_rule", "GET", "/api/rules/none", None, 404),
    ("change_alert_rule", "PATCH", "/api/rules/none", {**STATEMENT, "changes": {}}, 404),
    ("change_alert_rule", "PATCH", RULE_PATH, {**STATEMENT, "changes": {"kind": 1}}, 422),
    ("delete_alert_rule", "DELETE", "/api/rules/none", STATEMENT, 404),
    ("delete_alert_rule", "DELETE", RULE_PATH, STATEMENT, 409),
    ("create_channel", "POST", "/api/channels", HOOK, 409),
    ("create_channel", "POST", "/api/channels", {**HOOK, "kind": "pigeon"}, 422),
    ("get_channel", "GET", "/api/channels/99", None, 404),
    ("change_channel", "PUT", "/api/channels/99", ACTOR, 404),
    ("change_channel", "PUT", "/api/channels/1", {**ACTOR, "enabled": False}, 409),
    ("change_channel", "PUT", "/api/channels/2", {**ACTOR, "secrets": {}}, 422),
    ("delete_channel", "DELETE", "/api/channels/99", STATEMENT, 404),
    ("delete_channel", "DELETE", "/api/channels/1", STATEMENT, 409),
    ("test_channel", "POST", "/api/channels/99/test", ACTOR, 404),
]


async def fill(gateway: GatewayHarness) -> None:
    """Give alerts, one that has ended, and one of each thing that is wanted of them."""
    rows = gateway.alerts.rows
    ended = {"state": "resolved", "resolved_at": NOW + timedelta(minutes=5), "version": 2}
    for found in (alert(1), alert(2, service_name="cart", severity="ticket", **ended)):
        rows.alerts[found.id] = found
    rows.history[1] = [HistoryLine("firing", 1, NOW, "burnline", "it burns")]
    failed = {"state": "dead", "attempts": 20, "last_error": "answered 500", "sent_at": None}
    rows.notifications = [notification(1), notification(2, **failed)]
    rows.outcome = notification(3, group_key="trial/simulated")
    for path, body in (
        ("/api/silences", SILENCE),
        ("/api/channels", HOOK),
        ("/api/rules", {**STATEMENT, "rule": RULE}),
    ):
        response = await gateway.write("POST", path, body)
        assert response.status_code == 201, response.text
