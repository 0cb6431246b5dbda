"""A promise is made milder over REST: asked why, shown before, named by the gate, and undone."""

from datetime import timedelta
from typing import Any

import pytest

from common.decisions.evaluate import evaluate
from common.events import LooseningChanged
from common.kafka.topics import POLICIES
from common.policy.files import read_policies
from gate.domain.configuration import GateConfiguration
from tests.support import gate_inputs
from tests.support.burn_events import NOW, for_target, heartbeat, snapshot
from tests.support.gateway.access import api_key
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import SILENCE
from tests.support.gateway.results import alert, store_alert, store_counts

REASON = "agreed with the product owner"
STATEMENT = {"actor": "ana", "reason": REASON}
MINUTE = int(NOW.timestamp()) // 60 * 60


async def burning(gateway: GatewayHarness, **target: Any) -> Any:
    """Let `checkout` fail one request in a hundred, of which 99.9 % are promised."""
    await gateway.service()
    made = await gateway.target(**target)
    counts = [(MINUTE - 60 * minutes, 1000, 10, 10) for minutes in range(2 * 1440)]
    await store_counts(gateway.database, "checkout", counts)
    shown = gate_inputs.burning_at(10.0, spent=True)
    own = for_target(made, **{name: getattr(shown, name) for name in FIGURES})
    await gateway.feed(snapshot("checkout", own), *(heartbeat(shard) for shard in range(4)))
    await gateway.feed(decided("checkout", "BLOCK"))
    return made


FIGURES = (
    "total",
    "bad",
    "burn_rate_5m",
    "burn_rate_1h",
    "burn_rate_24h",
    "composite_burn_rate",
    "error_budget_consumed",
    "error_budget_remaining",
    "risk_level",
    "windows",
    "burn_pairs",
)


async def loosenings(gateway: GatewayHarness) -> list[Any]:
    """Return the loosenings of `checkout`, newest first."""
    found: list[Any] = await gateway.get("/api/loosenings", service="checkout")
    return found


async def gate_reasons(gateway: GatewayHarness, at: Any = NOW) -> list[str]:
    """Return what the gate says of loosening, by the events that it would read."""
    configuration = GateConfiguration(read_policies([]))
    for event in await gateway.announced(POLICIES):
        if isinstance(event, LooseningChanged):
            configuration.on_loosening(event)
    shown = configuration.loosenings("checkout", at)
    given = gate_inputs.inputs(now=at, loosenings=shown)
    feature = evaluate(gate_inputs.policy(), given).verdicts[0]
    assert feature.decision == "ALLOW"  # it informs, and decides nothing
    return [r.message for r in feature.reasons if r.code == "objective_loosened"]


def refused(response: Any) -> dict[str, Any]:
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    found: dict[str, Any] = error
    return found


async def test_a_milder_objective_needs_a_reason_and_the_refusal_says_what_is_loosened(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.target()
    error = refused(await gateway.write("PUT", "/api/slo/targets/1", {"objective": 0.99}))
    assert (error["field"], error["code"]) == ("reason", "loosening_needs_reason")
    assert "at least 10 characters" in error["detail"]
    assert "objective from 99.9% to 99%" in error["detail"]
    body = {"objective": 0.99, "reason": "because"}
    short = await gateway.write("PUT", "/api/slo/targets/1", body)
    assert refused(short)["field"] == "reason"
    assert (await gateway.get("/api/slo/checkout/targets"))[0]["objective"] == 0.999
    assert await loosenings(gateway) == []


async def test_what_is_stricter_or_neutral_needs_none(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.target()
    for body in ({"objective": 0.9995}, {"name": "another"}, {"min_bad_events": 0}):
        assert (await gateway.write("PUT", "/api/slo/targets/1", body)).status_code == 200
    await gateway.target(name="second", objective=0.5)
    tier_two = {"tier": 2, "owner": "payments"}
    assert (await gateway.write("PUT", "/api/services/checkout", tier_two)).status_code == 200
    found = await loosenings(gateway)
    assert [one["subject"] for one in found] == ["service/checkout"]  # recorded all the same


async def test_it_is_shown_before_by_what_decides_live(gateway: GatewayHarness) -> None:
    made = await burning(gateway)
    await store_alert(
        gateway.database, alert(1, rule="burn-rate-page", slo=made["name"], state="firing")
    )
    path = f"/api/slo/targets/{made['id']}"
    response = await gateway.write("PUT", f"{path}?dry_run=true", {"objective": 0.9})
    assert response.status_code == 200, response.text
    shown = response.json()
    assert (shown["loosens"], shown["needs_reason"]) == (True, True)
    assert shown["alerts_ending"] == ["burn-rate-page of checkout"]
    assert "BLOCK would become ALLOW for features" in shown["text"], shown
    assert "1 alert would end" in shown["text"]
    effects = {e["change_class"]: (e["before"], e["after"]) for e in shown["gate"]}
    assert effects["feature"] == ("BLOCK", "ALLOW")
    assert (await gateway.get("/api/slo/checkout/targets"))[0]["objective"] == 0.999
    stricter = await gateway.write("PUT", f"{path}?dry_run=true", {"objective": 0.9999})
    assert (stricter.json()["loosens"], stricter.json()["needs_reason"]) == (False, False)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/rules/burn-rate-page", {**STATEMENT, "changes": {"enabled": False}}),
        ("DELETE", "/api/slo/targets/1", {"reason": REASON}),
        ("DELETE", "/api/services/checkout", {"reason": REASON}),
        ("POST", "/api/silences", SILENCE),
    ],
)
async def test_each_kind_of_write_is_shown_before(
    gateway: GatewayHarness, method: str, path: str, body: dict[str, Any]
) -> None:
    made = await burning(gateway)
    firing = alert(1, rule="burn-rate-page", slo=made["name"], state="firing")
    await store_alert(gateway.database, firing)
    before = await gateway.audited()
    shown = await gateway.write(method, f"{path}?dry_run=true", body)
    assert shown.status_code == 200, shown.text
    assert shown.json()["loosens"]
    assert "1 alert would" in shown.json()["text"], shown.text
    assert await gateway.audited() == before
    assert await loosenings(gateway) == []


async def test_the_gate_names_it_for_a_day_and_undoing_puts_the_old_value_back(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.target()
    body = {"objective": 0.99, "reason": REASON}
    assert (await gateway.write("PUT", "/api/slo/targets/1", body)).status_code == 200
    [shown] = await loosenings(gateway)
    assert shown["loosened"] == [{"field": "objective", "before": "99.9%", "after": "99%"}]
    assert (shown["is_shown"], shown["can_be_undone"], shown["reason"]) == (True, True, REASON)
    [message] = await gate_reasons(gateway)
    assert "objective from 99.9% to 99%" in message
    assert message.endswith(REASON)
    assert await gate_reasons(gateway, NOW + timedelta(hours=23)) == [message]
    assert await gate_reasons(gateway, NOW + timedelta(hours=24)) == []
    undone = await gateway.write("POST", f"/api/loosenings/{shown['id']}/undo", STATEMENT)
    assert undone.status_code == 200, undone.text
    assert (undone.json()["state"], undone.json()["is_shown"]) == ("ended", False)
    assert (await gateway.get("/api/slo/checkout/targets"))[0]["objective"] == 0.999
    assert await gate_reasons(gateway) == []
    actions = [entry.action for entry in await gateway.audited()]
    assert actions[2:] == [
        "loosening.recorded",
        "target.changed",
        "loosening.undone",
        "target.changed",
    ]
    again = await gateway.write("POST", f"/api/loosenings/{shown['id']}/undo", STATEMENT)
    assert again.status_code == 409


async def test_a_first_target_milder_than_the_default_cannot_open_a_blocked_gate_unseen(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.feed(decided("checkout", "BLOCK"))
    body = {"name": "errors", "sli_type": "error_rate", "max_error_ratio": 0.999}
    path = "/api/slo/checkout/targets"
    asked = (await gateway.write("POST", f"{path}?dry_run=true", body)).json()
    assert (asked["loosens"], asked["needs_reason"]) == (True, True)
    assert (await gateway.write("POST", path, body)).status_code == 201
    [message] = await gate_reasons(gateway)
    assert "without a reason" in message
    [shown] = await loosenings(gateway)
    undone = await gateway.write("POST", f"/api/loosenings/{shown['id']}/undo", STATEMENT)
    assert undone.status_code == 200, undone.text
    assert await gateway.get("/api/slo/checkout/targets") == []


async def test_a_first_target_of_a_service_that_nothing_blocks_asks_for_nothing(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.target(objective=0.95)
    [shown] = await loosenings(gateway)
    assert shown["reason"] == ""
    [message] = await gate_reasons(gateway)
    assert "without a reason" in message


async def test_a_deleted_target_comes_back(gateway: GatewayHarness) -> None:
    await gateway.service()
    made = await gateway.target(sli_type="latency", threshold_seconds=0.25)
    path = f"/api/slo/targets/{made['id']}"
    assert refused(await gateway.write("DELETE", path))["code"] == "loosening_needs_reason"
    assert (await gateway.write("DELETE", path, {"reason": REASON})).status_code == 204
    shown = (await loosenings(gateway))[0]
    undone = await gateway.write("POST", f"/api/loosenings/{shown['id']}/undo", STATEMENT)
    assert undone.status_code == 200, undone.text
    [back] = await gateway.get("/api/slo/checkout/targets")
    assert (back["name"], back["threshold_seconds"]) == ("main", 0.25)


async def test_what_somebody_changed_since_is_not_undone(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.target()
    for objective in (0.99, 0.995):
        body = {"objective": objective, "reason": REASON}
        assert (await gateway.write("PUT", "/api/slo/targets/1", body)).status_code == 200
    undone = await gateway.write("POST", "/api/loosenings/1/undo", STATEMENT)
    assert (undone.status_code, undone.json()["errors"][0]["code"]) == (409, "changed_meanwhile")
    back = {"objective": 0.999}
    assert (await gateway.write("PUT", "/api/slo/targets/1", back)).status_code == 200
    assert [one["state"] for one in await loosenings(gateway)] == ["ended"]


async def test_a_milder_policy_is_undone_by_an_admin_only(gateway: GatewayHarness) -> None:
    await gateway.service()
    milder = {"document": {"risk": {"FREEZE": "WARN"}}}
    path = "/api/policies/default"
    shown = await gateway.write("PUT", f"{path}?dry_run=1", {**STATEMENT, **milder})
    assert [f["field"] for f in shown.json()["loosened"]] == [
        "risk.FREEZE.feature",
        "risk.FREEZE.fix",
        "risk.FREEZE.security",
    ]
    assert (await gateway.write("PUT", path, {**STATEMENT, **milder})).status_code == 200
    assert len(await gate_reasons(gateway)) == 1
    other = api_key("operate")
    gateway.ring.apply(other.key)
    undo = "/api/loosenings/1/undo"
    stopped = await gateway.client.post(undo, json=STATEMENT, headers=other.headers)
    assert stopped.status_code == 403
    assert (await gateway.write("POST", undo, STATEMENT)).status_code == 200
    shown = await gateway.get(path)
    assert shown["document"]["risk"]["FREEZE"]["feature"] == "BLOCK"


async def test_disabled_rules_and_silences_are_seen_too(gateway: GatewayHarness) -> None:
    await gateway.service()
    body = {**STATEMENT, "changes": {"enabled": False}}
    assert (await gateway.write("PATCH", "/api/rules/burn-rate-page", body)).status_code == 200
    silence = {
        "matchers": [{"name": "service", "value": "checkout"}],
        "duration_minutes": 60,
        "created_by": "ines",
        "comment": "planned work",
    }
    assert (await gateway.write("POST", "/api/silences", silence)).status_code == 201
    first, second = await loosenings(gateway)
    assert (first["subject"], first["reason"]) == ("silence/1", "planned work")
    assert second["loosened"] == [{"field": "enabled", "before": "yes", "after": "no"}]
    assert first["until"] == "2026-03-02T13:00:30Z"
    for one in (first, second):
        path = f"/api/loosenings/{one['id']}/undo"
        assert (await gateway.write("POST", path, STATEMENT)).status_code == 200
    assert (await gateway.get("/api/rules/burn-rate-page"))["rule"]["enabled"] is True
    assert (await gateway.get("/api/silences/1"))["state"] == "expired"
    assert await gate_reasons(gateway) == []


async def test_where_the_policy_says_so_another_credential_has_to_approve(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.target()
    two = {"overrides": {"second_approver_tiers": [1]}}
    await gateway.write("PUT", "/api/policies/default", {**STATEMENT, "document": two})
    body = {"objective": 0.99, "reason": REASON}
    nobody_s = await gateway.write("PUT", "/api/slo/targets/1", body)
    assert nobody_s.json()["errors"][0]["code"] == "nobodys_credential"
    asking = gateway.key("ana", "admin")
    held = await gateway.write("PUT", "/api/slo/targets/1", body, asking)
    assert (held.status_code, held.json()["state"]) == (202, "pending")
    path = held.headers["Location"]
    assert (await gateway.get("/api/slo/checkout/targets"))[0]["objective"] == 0.999
    assert await gate_reasons(gateway) == []
    own = await gateway.write("POST", f"{path}/approve", {"actor": "boris"}, asking)
    assert (own.status_code, own.json()["errors"][0]["code"]) == (409, "same_credential")
    own = await gateway.write("POST", f"{path}/approve", {"actor": "boris"})
    assert (own.status_code, own.json()["errors"][0]["code"]) == (409, "nobodys_credential")
    second = api_key("override")
    gateway.ring.apply(second.key)
    approved = await gateway.client.post(
        f"{path}/approve", json={"actor": "boris"}, headers=second.headers
    )
    assert approved.status_code == 200, approved.text
    assert approved.json()["state"] == "standing"
    assert approved.json()["approver"].startswith("key/")
    assert (await gateway.get("/api/slo/checkout/targets"))[0]["objective"] == 0.99
    assert len(await gate_reasons(gateway)) == 1
    milder = {**STATEMENT, "document": {}}
    held = await gateway.write("PUT", "/api/policies/default", milder, asking)
    assert held.status_code == 202


@pytest.mark.parametrize("blocked", [True, False])
async def test_the_deletion_of_a_service_is_recorded_and_a_person_is_asked_why_while_it_is_blocked(
    gateway: GatewayHarness, *, blocked: bool
) -> None:
    await gateway.service()
    await gateway.target()
    if blocked:
        await gateway.feed(decided("checkout", "BLOCK"))
    moved = await gateway.write("PUT", "/api/services/checkout", {"tier": 2, "owner": "payments"})
    assert moved.status_code == 200
    path = "/api/services/checkout?dry_run=true"
    assert (await gateway.write("DELETE", path)).json()["needs_reason"] == blocked
    assert (await gateway.write("DELETE", "/api/services/checkout")).status_code == 204
    recorded = [e for e in await gateway.audited() if e.action == "loosening.recorded"]
    assert recorded[-1].details["loosened"][0] == ["target", "main", "deleted"]
