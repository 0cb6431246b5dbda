"""Who may override what, for how long; when it counts, what takes its place, what is audited."""

import asyncio
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from api_gateway.policy.domain import OverrideSpec
from api_gateway.policy.repository import overrides
from api_gateway.policy.schemas import OverrideAnswer
from common.events import OverrideChanged
from common.kafka.topics import POLICIES
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import overriding
from tests.support.gateway.harness import TOKEN, GatewayHarness
from tests.support.waiting import PATIENCE_SECONDS, until

PATH = "/api/release/checkout/override"
WANTED: dict[str, Any] = {
    "actor": "ana",
    "reason": "hotfix for the payment outage",
    "decision": "ALLOW",
}
APPROVED_BY_TWO = {"name": "default", "overrides": {"second_approver_tiers": [1], "max_hours": 2}}


async def ask(gateway: GatewayHarness, key: str = TOKEN, **fields: Any) -> Any:
    response = await gateway.write("POST", PATH, WANTED | fields, key)
    assert response.status_code in {201, 202}, response.text
    return response.json()


async def two_must_agree(gateway: GatewayHarness) -> None:
    body = {"actor": "cyd", "reason": "the auditors want it", "document": APPROVED_BY_TWO}
    response = await gateway.write("PUT", "/api/policies/default", body)
    assert response.status_code == 200, response.text


async def events(gateway: GatewayHarness) -> list[OverrideChanged]:
    announced = await gateway.announced(POLICIES)
    return [event for event in announced if isinstance(event, OverrideChanged)]


async def actions(gateway: GatewayHarness) -> list[str]:
    """Return what was audited but for the declaration of the service."""
    found = [entry["action"] for entry in reversed(await gateway.get("/api/audit"))]
    found.remove("service.created")
    return found


@pytest.mark.parametrize(
    "gateway_settings", [{"override_visible_seconds": PATIENCE_SECONDS}], indirect=True
)
async def test_it_is_201_once_a_decision_names_it(gateway: GatewayHarness) -> None:
    await gateway.service()
    pending = asyncio.create_task(gateway.write("POST", PATH, WANTED))
    await until(lambda: events(gateway))
    assert not pending.done()
    made = {"service_name": "checkout", "id": 1, "version": None, "change_class": None}
    await gateway.feed(overriding({**made, "decision": "ALLOW"}))
    response = await pending
    assert response.status_code == 201
    assert response.headers["Location"] == f"{PATH}/1"
    body = response.json()
    assert body == await gateway.get(f"{PATH}/1")
    assert body["state"] == "active"
    assert body["expires_at"] == "2026-03-02T13:00:30Z"
    assert (await gateway.get("/api/release/checkout"))["override"] == body


async def test_it_is_202_while_the_gate_is_silent(gateway: GatewayHarness) -> None:
    await gateway.service()
    response = await gateway.write("POST", PATH, WANTED)
    assert (response.status_code, response.headers["Location"]) == (202, f"{PATH}/1")
    assert response.json()["state"] == "active"
    [event] = await events(gateway)
    assert (event.id, event.state, event.uses) == (1, "active", 0)
    assert await actions(gateway) == ["override.created"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"actor": "  "}, "actor"),
    ({"actor": None}, "actor"),
    ({"actor": "a\nb"}, "actor"),
    ({"reason": "   short   "}, "reason"),
    ({"reason": "r" * 1001}, "reason"),
    ({"reason": "with a NUL \0 inside"}, "reason"),
    ({"decision": "UNKNOWN"}, "decision"),
    ({"decision": "allow"}, "decision"),
    ({"expires_in_minutes": 0}, "expires_in_minutes"),
    ({"expires_in_minutes": 1441}, "expires_in_minutes"),
    ({"expires_in_minutes": 0.09}, "expires_in_minutes"),
    ({"expires_in_minutes": -60}, "expires_in_minutes"),
    ({"expires_in_minutes": 1440.01}, "expires_in_minutes"),
    ({"expires_in_minutes": "60"}, "expires_in_minutes"),
    ({"max_uses": 0}, "max_uses"),
    ({"max_uses": True}, "max_uses"),
    ({"version": ""}, "version"),
    ({"change_class": "party"}, "change_class"),
    ({"ticket": "t" * 129}, "ticket"),
    ({"until": "tomorrow"}, "until"),
    ({"decision": "BLOCK", "max_uses": 1}, "body"),
]


@pytest.mark.parametrize(("fields", "named"), REFUSED)
async def test_what_cannot_be_asked_for_is_named(
    gateway: GatewayHarness, fields: dict[str, Any], named: str
) -> None:
    await gateway.service()
    response = await gateway.write("POST", PATH, WANTED | fields)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == named
    assert await events(gateway) == []


async def test_texts_are_trimmed_and_the_day_is_the_longest(gateway: GatewayHarness) -> None:
    await gateway.service()
    longest = await ask(gateway, actor=" ana ", reason="  0123456789 ", expires_in_minutes=1440)
    assert (longest["on_behalf_of"], longest["reason"]) == ("ana", "0123456789")
    assert longest["expires_at"] == "2026-03-03T12:00:30Z"
    half = await ask(gateway, expires_in_minutes=0.5)
    assert half["expires_at"] == "2026-03-02T12:01:00Z"
    assert (await ask(gateway))["expires_at"] == "2026-03-02T13:00:30Z"


async def test_a_later_one_of_the_same_scope_takes_the_place(gateway: GatewayHarness) -> None:
    await gateway.service()
    first = await ask(gateway, version="1.42.1")
    other = await ask(gateway)
    second = await ask(gateway, version="1.42.1", decision="WARN")
    states = {o["id"]: o["state"] for o in await gateway.get(PATH)}
    assert states == {second["id"]: "active", other["id"]: "active", first["id"]: "replaced"}
    shown = await gateway.get(f"{PATH}/{first['id']}")
    assert (shown["ended_by"], shown["end_reason"]) == ("bootstrap", "replaced by override 3")
    assert shown["ended_on_behalf_of"] == "ana"
    assert (await actions(gateway))[-2:] == ["override.created", "override.replaced"]


async def test_where_the_policy_says_so_a_second_person_must_agree(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    ana = gateway.key("ana", "override")
    response = await gateway.write("POST", PATH, WANTED, ana)
    assert (response.status_code, response.json()["state"]) == (202, "pending")
    await gateway.feed(overriding(response.json()))
    assert (await gateway.get("/api/release/checkout"))["decision"] == "BLOCK"
    approve = f"{PATH}/1/approve"
    approved = await gateway.write("POST", approve, {"actor": "b"}, gateway.key("ben", "override"))
    assert approved.status_code == 200
    assert (approved.json()["state"], approved.json()["approver"]) == ("active", "key/ben")
    assert approved.json()["approved_on_behalf_of"] == "b"
    assert (await gateway.get("/api/release/checkout"))["decision"] == "ALLOW"
    twice = await gateway.write("POST", f"{PATH}/1/approve", {"actor": "cyd"})
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (409, "not_pending")
    assert [e.state for e in await events(gateway)] == ["pending", "active"]
    wanted = ["policy.changed", "override.created", "override.approved"]
    assert await actions(gateway) == wanted


@pytest.mark.parametrize(
    ("approver", "code"),
    [("ana", "same_credential"), ("ana again", "same_credential"), ("", "nobodys_credential")],
)
async def test_who_asked_cannot_approve_by_another_name_a_new_key_or_the_token_of_the_server(
    gateway: GatewayHarness, approver: str, code: str
) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    ana = gateway.key("ana", "override")
    keys = {"ana": ana, "ana again": gateway.key("ana", "override"), "": TOKEN}
    assert (await ask(gateway, ana))["state"] == "pending"
    refused = await gateway.write("POST", f"{PATH}/1/approve", {"actor": "ben"}, keys[approver])
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, code)
    assert "`burnline keys create NAME --scope override`" in refused.json()["detail"]
    assert (await gateway.get(f"{PATH}/1"))["state"] == "pending"


async def test_the_token_of_the_server_asks_for_nothing_that_two_must_agree_to(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    refused = await gateway.write("POST", PATH, WANTED)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "nobodys_credential")
    assert await gateway.get(PATH) == []


async def test_a_lowered_tier_does_not_escape_the_approval(gateway: GatewayHarness) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    lowered = {"tier": 3, "owner": "payments"}
    assert (await gateway.write("PUT", "/api/services/checkout", lowered)).is_success
    ana = gateway.key("ana", "override", "operate")
    assert (await ask(gateway, ana))["state"] == "pending"
    assert (await gateway.write("DELETE", "/api/services/checkout")).is_success
    again = {"name": "checkout", **lowered}
    assert (await gateway.write("POST", "/api/services", again)).is_success
    assert (await ask(gateway, ana))["state"] == "pending"
    gateway.now[0] += timedelta(hours=24, minutes=1)
    assert (await ask(gateway, ana))["state"] == "active"


async def test_nobody_must_agree_to_stricter_rules_or_in_other_tiers(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    assert (await ask(gateway, decision="BLOCK"))["state"] == "active"
    body = {"name": "cart", "tier": 2, "owner": ""}
    await gateway.write("POST", "/api/services", body)
    response = await gateway.write("POST", "/api/release/cart/override", WANTED)
    assert response.json()["state"] == "active"


async def test_a_pending_one_expires_and_cannot_be_approved_then(gateway: GatewayHarness) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    await ask(gateway, gateway.key("ana", "override"), expires_in_minutes=5)
    gateway.now[0] = NOW + timedelta(minutes=5)
    late = await gateway.write("POST", f"{PATH}/1/approve", {"actor": "boris"})
    assert late.status_code == 409
    assert "expired" in late.json()["detail"]


async def test_a_lowered_tier_does_not_escape_the_longest_time(gateway: GatewayHarness) -> None:
    await gateway.service()
    for name, tier, hours in (("strict", 1, 2), ("lenient", 3, 24)):
        document = {"applies_to": {"tiers": [tier]}, "overrides": {"max_hours": hours}}
        body = {"actor": "cyd", "reason": "the auditors want it", "document": document}
        assert (await gateway.write("PUT", f"/api/policies/{name}", body)).is_success
    lowered = {"tier": 3, "owner": "payments"}
    assert (await gateway.write("PUT", "/api/services/checkout", lowered)).is_success
    long = {**WANTED, "expires_in_minutes": 121}
    response = await gateway.write("POST", PATH, long)
    assert response.json()["errors"][0]["code"] == "too_long_for_policy"
    gateway.now[0] += timedelta(hours=24, minutes=1)
    assert (await gateway.write("POST", PATH, long)).status_code in {201, 202}


async def test_the_policy_bounds_the_length(gateway: GatewayHarness) -> None:
    await gateway.service()
    await two_must_agree(gateway)
    response = await gateway.write("POST", PATH, {**WANTED, "expires_in_minutes": 121})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["field"], error["code"]) == ("expires_in_minutes", "too_long_for_policy")
    assert "120" in error["detail"]


async def test_the_same_request_with_the_same_key_is_one_override(gateway: GatewayHarness) -> None:
    await gateway.service()
    gateway.client.headers["Idempotency-Key"] = "pipeline-8812"
    first = await ask(gateway)
    gateway.now[0] += timedelta(seconds=20)
    assert await ask(gateway) == first
    other = await gateway.write("POST", PATH, WANTED | {"decision": "WARN"})
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "key_used_otherwise")
    gateway.client.headers["Idempotency-Key"] = "pipeline-8813"
    assert (await ask(gateway))["id"] == 2
    assert await actions(gateway) == ["override.created"] * 2 + ["override.replaced"]


async def test_an_override_is_only_known_under_its_service(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.service("cart")
    await ask(gateway)
    for method, path, body in [
        ("GET", "/api/release/cart/override/1", None),
        ("POST", "/api/release/cart/override/1/approve", {"actor": "boris"}),
        ("DELETE", "/api/release/cart/override/1", {"actor": "boris", "reason": "not my service"}),
        ("GET", f"{PATH}/2", None),
    ]:
        response = await gateway.write(method, path, body)
        assert (response.status_code, response.json()["code"]) == (404, "unknown_override")


async def test_the_list_is_newest_first_and_paged(gateway: GatewayHarness) -> None:
    await gateway.service()
    for number in range(5):
        await ask(gateway, version=f"1.{number}")
    shown: list[int] = []
    path = f"{PATH}?limit=2"
    while path:
        response = await gateway.client.get(path)
        shown += [override["id"] for override in response.json()]
        path = response.links.get("next", {}).get("url", "")
    assert shown == [5, 4, 3, 2, 1]
    assert (await gateway.client.get(f"{PATH}?cursor=e30")).status_code == 422


async def test_who_does_it_must_be_told_when_it_is_revoked(gateway: GatewayHarness) -> None:
    await gateway.service()
    await ask(gateway)
    for body in ({}, {"actor": "ana"}, {"actor": "ana", "reason": "short"}):
        assert (await gateway.write("DELETE", f"{PATH}/1", body)).status_code == 422
    why = {"actor": "boris", "reason": "the outage is over"}
    shown = (await gateway.write("DELETE", f"{PATH}/1", why)).json()
    assert (shown["ended_by"], shown["ended_on_behalf_of"]) == ("bootstrap", "boris")
    assert (shown["state"], shown["end_reason"]) == (
        "revoked",
        "the outage is over",
    )
    assert [e.state for e in await events(gateway)] == ["active", "revoked"]
    [revoked, created] = await gateway.get("/api/audit", subject="override/1")
    assert (revoked["actor"], revoked["on_behalf_of"]) == ("bootstrap", "boris")
    assert revoked["reason"] == why["reason"]
    assert revoked["previous_hash"] == created["hash"]


def test_every_field_of_an_override_is_stored_announced_and_answered() -> None:
    names = {field.name for field in fields(OverrideSpec)}
    assert names <= set(OverrideAnswer.model_fields) & set(OverrideChanged.__struct_fields__)
    assert names <= set(overrides.c.keys())
