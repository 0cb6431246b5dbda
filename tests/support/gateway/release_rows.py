"""What the operations of the gate, the audit and changes answer, for the contract's tests."""

from typing import Any, Final

from api_gateway.release.ports import StoredChange, StoredDecision
from common.events import ChangeEvent
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import decided, overriding, verdict
from tests.support.gateway.in_memory import GatewayHarness

OPERATIONS: Final = {
    "get_release",
    "check_release",
    "list_decisions",
    "get_decision",
    "create_override",
    "list_overrides",
    "get_override",
    "approve_override",
    "revoke_override",
    "list_policies",
    "get_policy",
    "put_policy",
    "delete_policy",
    "list_audit",
    "list_changes",
}
JSON_TOO: Final = {"get_release", "check_release"}
"""Operations of which a refusal is an answer as well: `http_status=strict`."""
CREATE_NOTHING: Final = {"check_release", "approve_override"}

STATEMENT: Final = {"actor": "ana", "reason": "the outage is over"}
OVERRIDE: Final = {**STATEMENT, "decision": "ALLOW", "version": "1.42.1", "max_uses": 3}
POLICY: Final = {**STATEMENT, "document": {"applies_to": {"tiers": [1]}}}
RELEASE = "/api/release/checkout"

GOOD: Final[list[tuple[str, str, str, Any]]] = [
    ("get_release", "GET", RELEASE, None),
    ("get_release", "GET", "/api/release/unseen?change_class=fix&version=2", None),
    ("check_release", "POST", f"{RELEASE}/check", None),
    ("list_decisions", "GET", f"{RELEASE}/history?limit=1", None),
    ("get_decision", "GET", "/api/decisions/01JD1", None),
    ("create_override", "POST", f"{RELEASE}/override", OVERRIDE),
    ("list_overrides", "GET", f"{RELEASE}/override?limit=1", None),
    ("get_override", "GET", f"{RELEASE}/override/1", None),
    ("approve_override", "POST", f"{RELEASE}/override/2/approve", {"actor": "boris"}),
    ("revoke_override", "DELETE", f"{RELEASE}/override/1", STATEMENT),
    ("list_policies", "GET", "/api/policies", None),
    ("get_policy", "GET", "/api/policies/default", None),
    ("put_policy", "PUT", "/api/policies/critical", POLICY),
    ("put_policy", "PUT", "/api/policies/default", {**POLICY, "document": {}}),
    ("delete_policy", "DELETE", "/api/policies/default", STATEMENT),
    ("list_audit", "GET", "/api/audit?limit=1", None),
    ("list_changes", "GET", "/api/changes?limit=1", None),
]
BAD: Final[list[tuple[str, str, str, Any, int]]] = [
    ("get_release", "GET", "/api/release/nobody", None, 404),
    ("get_release", "GET", f"{RELEASE}?change_class=x", None, 422),
    ("get_release", "GET", f"{RELEASE}?http_status=strict", None, 403),
    ("get_release", "GET", "/api/release/unseen?http_status=strict", None, 503),
    ("check_release", "POST", "/api/release/nobody/check", None, 404),
    ("check_release", "POST", f"{RELEASE}/check?http_status=x", None, 422),
    ("check_release", "POST", f"{RELEASE}/check?http_status=strict", None, 403),
    ("list_decisions", "GET", "/api/release/nobody/history", None, 404),
    ("list_decisions", "GET", f"{RELEASE}/history?cursor=x", None, 422),
    ("get_decision", "GET", "/api/decisions/none", None, 404),
    ("get_decision", "GET", "/api/decisions/" + "x" * 65, None, 422),
    ("create_override", "POST", "/api/release/nobody/override", OVERRIDE, 404),
    ("create_override", "POST", f"{RELEASE}/override", {}, 422),
    ("list_overrides", "GET", f"{RELEASE}/override?limit=0", None, 422),
    ("get_override", "GET", f"{RELEASE}/override/99", None, 404),
    ("get_override", "GET", f"{RELEASE}/override/x", None, 422),
    ("approve_override", "POST", f"{RELEASE}/override/99/approve", {"actor": "b"}, 404),
    ("approve_override", "POST", f"{RELEASE}/override/1/approve", {"actor": "b"}, 409),
    ("approve_override", "POST", f"{RELEASE}/override/1/approve", {}, 422),
    ("revoke_override", "DELETE", f"{RELEASE}/override/99", STATEMENT, 404),
    ("revoke_override", "DELETE", f"{RELEASE}/override/1", {"actor": "b"}, 422),
    ("get_policy", "GET", "/api/policies/nobody", None, 404),
    ("put_policy", "PUT", "/api/policies/No", POLICY, 404),
    ("put_policy", "PUT", "/api/policies/critical", {**POLICY, "document": {}}, 422),
    ("delete_policy", "DELETE", "/api/policies/nobody", STATEMENT, 404),
    ("list_audit", "GET", "/api/audit?cursor=x", None, 422),
    ("list_changes", "GET", "/api/changes?service=nobody", None, 404),
    ("list_changes", "GET", "/api/changes?from=x", None, 422),
]


async def fill(gateway: GatewayHarness) -> None:
    """Give `checkout` decisions, changes, an override in force and one that waits for approval."""
    override = {**OVERRIDE, "version": None}
    made = await gateway.write("POST", f"{RELEASE}/override", {**override, "change_class": "fix"})
    two = {"overrides": {"second_approver_tiers": [1]}}
    await gateway.write("PUT", "/api/policies/default", {**POLICY, "document": two})
    await gateway.write("POST", f"{RELEASE}/override", override)
    pending = verdict("ALLOW", "rollback", override_id=2)
    shown = overriding(made.json())
    await gateway.feed(decided("checkout", "BLOCK", pending, *shown.verdicts))
    results: Any = gateway.gateway.results
    for number in (1, 2):
        decision = decided("checkout", decision_id=f"01JD{number}")
        results.stored_decisions.append(StoredDecision(decision, {"tier": 1}, {"name": "default"}))
        event = ChangeEvent(service="checkout", at=NOW, kind="deploy")
        results.stored_changes.append(StoredChange(bytes([number]) * 16, event, NOW))
