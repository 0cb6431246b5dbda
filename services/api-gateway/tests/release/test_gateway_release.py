"""What /api/release answers, and what a status alone says."""

from datetime import timedelta
from typing import Any

import pytest

from common.slo.vocabulary import RiskLevel
from tests.support.burn_events import NOW, snapshot
from tests.support.gateway.decisions import decided, overriding, verdict
from tests.support.gateway.harness import GatewayHarness

OVERRIDE = {
    "actor": "ana",
    "reason": "hotfix for the payment outage",
    "decision": "ALLOW",
}
FIELDS = {
    "service_name": str,
    "decision": str,
    "allowed": bool,
    "risk_level": str,
    "reasons": list,
    "data_age_seconds": float,
    "decision_id": str,
    "evaluated_at": str,
    "expires_at": str,
}


async def override(gateway: GatewayHarness, plain: Any = "BLOCK", **fields: Any) -> Any:
    """Create an override that the gate decides on at once; return it as answered."""
    response = await gateway.write("POST", "/api/release/checkout/override", OVERRIDE | fields)
    assert response.status_code in {201, 202}, response.text
    gateway.now[0] += timedelta(milliseconds=1)
    await gateway.feed(overriding(response.json(), plain, evaluated_at=gateway.now[0]))
    return response.json()


async def test_the_answer_is_the_newest_decision(gateway: GatewayHarness) -> None:
    await gateway.service()
    newest = decided("checkout", "WARN", risk_level=RiskLevel.DANGER, epoch=2)
    await gateway.feed(newest, decided("checkout", evaluated_at=NOW + timedelta(seconds=1)))
    body = await gateway.get("/api/release/checkout")
    for name, kind in FIELDS.items():
        assert type(body[name]) is kind, name
    assert (body["decision"], body["allowed"], body["risk_level"]) == ("WARN", True, "DANGER")
    assert body["data_age_seconds"] == 2.0
    assert body["reasons"][0]["code"] == "risk_level"
    assert (body["tier"], body["change_class"], body["policy"]) == (1, "feature", "default")
    assert body["override"] is None
    assert body["expires_at"] == "2026-03-02T12:01:00Z"


async def test_before_the_gate_has_decided_it_is_unknown_with_every_field(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.feed(snapshot("checkout"))
    body = await gateway.get("/api/release/checkout")
    for name, kind in FIELDS.items():
        assert type(body[name]) is kind, name
    assert (body["decision"], body["allowed"]) == ("UNKNOWN", False)
    assert (body["decision_id"], body["risk_level"]) == ("", "DANGER")
    assert body["reasons"][0]["code"] == "no_decision"


async def test_a_decision_that_nobody_renews_becomes_unknown(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.feed(decided("checkout"))
    assert (await gateway.get("/api/release/checkout"))["decision"] == "ALLOW"
    gateway.now[0] += timedelta(seconds=30)
    body = await gateway.get("/api/release/checkout")
    assert (body["decision"], body["allowed"]) == ("UNKNOWN", False)
    assert body["reasons"][0]["code"] == "decision_expired"
    renewed = decided("checkout", evaluated_at=gateway.now[0])
    await gateway.feed(decided("checkout", evaluated_at=gateway.now[0], epoch=0), renewed)
    assert (await gateway.get("/api/release/checkout"))["evaluated_at"] == "2026-03-02T12:01:00Z"


@pytest.mark.parametrize(
    ("decision", "allowed", "status"),
    [
        ("ALLOW", True, 200),
        ("WARN", True, 200),
        ("BLOCK", False, 403),
        ("UNKNOWN", True, 200),
        ("UNKNOWN", False, 503),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_strict_says_it_by_the_status(
    gateway: GatewayHarness, decision: Any, allowed: Any, status: int, method: str
) -> None:
    await gateway.service()
    await gateway.feed(decided("checkout", verdicts=(verdict(decision, allowed=allowed),)))
    path = "/api/release/checkout" + ("/check" if method == "POST" else "")
    strict = await gateway.write(method, f"{path}?http_status=strict")
    assert (strict.status_code, strict.json()["decision"]) == (status, decision)
    assert strict.headers["Content-Type"] == "application/json"
    always = await gateway.write(method, path)
    assert (always.status_code, always.json()) == (200, strict.json())


async def test_class_and_version_are_asked_for(gateway: GatewayHarness) -> None:
    await gateway.service()
    made = await override(gateway, change_class="fix", version="1.42.1")
    for query, decision in [
        ({}, "BLOCK"),
        ({"change_class": "fix"}, "BLOCK"),
        ({"change_class": "fix", "version": "1.42.1"}, "ALLOW"),
        ({"change_class": "feature", "version": "1.42.1"}, "BLOCK"),
    ]:
        body = await gateway.get("/api/release/checkout", **query)
        assert body["decision"] == decision
        assert body["change_class"] == query.get("change_class", "feature")
        assert body["version"] == query.get("version")
        shown = body["override"]["id"] if body["override"] else None
        assert shown == (made["id"] if decision == "ALLOW" else None)
    for query in ({"change_class": "party"}, {"version": ""}, {"http_status": "x"}):
        response = await gateway.client.get("/api/release/checkout", params=query)
        assert response.status_code == 422


async def test_only_checks_use_an_override_up(gateway: GatewayHarness) -> None:
    await gateway.service()
    made = await override(gateway, max_uses=2)
    for _ in range(3):
        assert (await gateway.get("/api/release/checkout"))["decision"] == "ALLOW"
    uses = []
    for _ in range(3):
        body = (await gateway.write("POST", "/api/release/checkout/check")).json()
        uses.append((body["decision"], body["override"] and body["override"]["uses"]))
    assert uses == [("ALLOW", 1), ("ALLOW", 2), ("BLOCK", None)]
    assert (await gateway.get("/api/release/checkout"))["decision"] == "BLOCK"
    shown = await gateway.get(f"/api/release/checkout/override/{made['id']}")
    assert (shown["state"], shown["uses"]) == ("used_up", 2)
    audit = await gateway.get("/api/audit", service="checkout")
    assert [e["action"] for e in audit] == [
        "override.used",
        "override.used",
        "override.created",
        "service.created",
    ]
    assert audit[0]["details"]["uses"] == 2


async def test_a_check_without_an_override_counts_nothing(gateway: GatewayHarness) -> None:
    await gateway.service()
    await override(gateway, plain="ALLOW", decision="BLOCK")
    body = (await gateway.write("POST", "/api/release/checkout/check")).json()
    assert (body["decision"], body["override"]["uses"]) == ("BLOCK", 0)
    await gateway.feed(decided("checkout", evaluated_at=NOW + timedelta(seconds=1)))
    assert (await gateway.write("POST", "/api/release/checkout/check")).json()["allowed"]
    actions = [e["action"] for e in await gateway.get("/api/audit")]
    assert actions == ["override.created", "service.created"]


async def test_a_check_reads_no_body(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.feed(decided("checkout"))
    hook = {"name": "podinfo", "namespace": "shop", "phase": "Progressing", "metadata": {}}
    response = await gateway.write("POST", "/api/release/checkout/check", hook)
    assert response.status_code == 200


async def test_an_override_ends_by_itself(gateway: GatewayHarness) -> None:
    await gateway.service()
    made = await override(gateway, expires_in_minutes=1)
    gateway.now[0] = NOW + timedelta(minutes=1)
    await gateway.feed(overriding(made, evaluated_at=gateway.now[0] - timedelta(seconds=1)))
    body = await gateway.get("/api/release/checkout")
    assert (body["decision"], body["override"]) == ("BLOCK", None)
    [shown] = await gateway.get("/api/release/checkout/override")
    assert shown["state"] == "expired"


async def test_a_revoked_override_does_not_wait_for_the_gate(gateway: GatewayHarness) -> None:
    await gateway.service()
    made = await override(gateway)
    path = f"/api/release/checkout/override/{made['id']}"
    why = {"actor": "boris", "reason": "the outage is over"}
    ended = await gateway.write("DELETE", path, why)
    assert (ended.status_code, ended.json()["state"]) == (200, "revoked")
    assert (await gateway.get("/api/release/checkout"))["decision"] == "BLOCK"
    again = await gateway.write("DELETE", path, why)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "not_in_force")


async def test_an_unknown_service_is_404_whatever_was_decided(gateway: GatewayHarness) -> None:
    await gateway.feed(decided("checkout"))
    for path in ("", "/history", "/override"):
        assert (await gateway.client.get(f"/api/release/checkout{path}")).status_code == 404
    assert (await gateway.write("POST", "/api/release/checkout/check")).status_code == 404
