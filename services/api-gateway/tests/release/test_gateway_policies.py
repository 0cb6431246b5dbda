"""Policies over REST, the audit's list, and lists of what the gate and the sources reported."""

import json
from datetime import timedelta
from typing import Any, get_args

import pytest

from common.events import ChangeEvent, ChangeKind, PolicyChanged
from common.kafka.topics import POLICIES
from common.policy.files import read_policies
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_change, store_decision

WHO = {"actor": "ana", "reason": "payments must be strict"}
STRICT = {"applies_to": {"services": ["checkout"]}, "risk": {"DANGER": "BLOCK"}}


async def put(gateway: GatewayHarness, name: str = "payments", document: Any = None) -> Any:
    return await gateway.write(
        "PUT", f"/api/policies/{name}", {**WHO, "document": document or STRICT}
    )


async def events(gateway: GatewayHarness) -> list[PolicyChanged]:
    announced = await gateway.announced(POLICIES)
    return [event for event in announced if isinstance(event, PolicyChanged)]


async def test_the_documented_default_is_there_from_its_file(gateway: GatewayHarness) -> None:
    [default] = read_policies([])
    [shown] = await gateway.get("/api/policies")
    assert (shown["name"], shown["source"], shown["revision"]) == ("default", "file", None)
    assert (shown["hash"], shown["document"]) == (default.policy_hash, default.document)
    response = await gateway.write("DELETE", "/api/policies/default", WHO)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (409, "policy_from_file")


async def test_a_policy_is_set_changed_and_deleted(gateway: GatewayHarness) -> None:
    created = await put(gateway)
    assert (created.status_code, created.headers["Location"]) == (201, "/api/policies/payments")
    body = created.json()
    assert body == await gateway.get("/api/policies/payments")
    assert body["document"]["risk"]["DANGER"]["feature"] == "BLOCK"
    assert body["document"]["on_unknown"] == {"1": "BLOCK", "2": "WARN", "3": "WARN"}
    milder = {**STRICT, "on_unknown": {"1": "WARN"}}
    changed = await put(gateway, document=milder)
    assert changed.status_code == 200
    assert changed.json()["hash"] != body["hash"]
    await gateway.service()
    answer = await gateway.get("/api/release/checkout")
    assert (answer["policy"], answer["allowed"]) == ("payments", True)
    deleted = await gateway.write("DELETE", "/api/policies/payments", WHO)
    assert deleted.status_code == 204
    assert (await gateway.client.get("/api/policies/payments")).status_code == 404
    assert (await gateway.get("/api/release/checkout"))["policy"] == "default"
    assert [(e.name, e.retired) for e in await events(gateway)] == [
        ("payments", False),
        ("payments", False),
        ("payments", True),
    ]
    revisions = [e.revision for e in await events(gateway)]
    assert revisions == sorted(revisions)
    audit = await gateway.get("/api/audit", subject="policy/payments")
    assert [e["action"] for e in audit] == ["policy.deleted", "policy.changed", "policy.changed"]
    assert audit[2]["details"]["document"] == body["document"]
    assert {(e["actor"], e["on_behalf_of"]) for e in audit} == {("bootstrap", "ana")}


async def test_the_default_can_be_replaced_and_comes_back(gateway: GatewayHarness) -> None:
    original = await gateway.get("/api/policies/default")
    assert (await put(gateway, "default", {"on_unknown": {"3": "BLOCK"}})).status_code == 200
    assert (await gateway.get("/api/policies/default"))["source"] == "api"
    assert (await gateway.write("DELETE", "/api/policies/default", WHO)).status_code == 204
    assert await gateway.get("/api/policies/default") == original


@pytest.mark.parametrize(
    ("document", "field", "code"),
    [
        ({**STRICT, "risk": {"DANGER": "STOP"}}, "document.risk.DANGER.feature", "literal_error"),
        ({**STRICT, "rsik": {}}, "document.rsik", "extra_forbidden"),
        ({**STRICT, "name": "other"}, "document.name", "differs_from_path"),
        ({"risk": {}}, "document.applies_to", "applies_to_nothing"),
        (
            {**STRICT, "conditions": {"min_bad_events": -1}},
            "document.conditions.min_bad_events",
            "greater_than_equal",
        ),
    ],
)
async def test_faults_of_a_document_are_named(
    gateway: GatewayHarness, document: Any, field: str, code: str
) -> None:
    response = await put(gateway, document=document)
    assert response.status_code == 422
    assert (field, code) in [(e["field"], e["code"]) for e in response.json()["errors"]]
    assert await events(gateway) == []


async def test_numbers_of_a_document_are_exact_and_names_are_checked(
    gateway: GatewayHarness,
) -> None:
    document = {**STRICT, "hysteresis": {"burn_rate_below": 0.9}}
    response = await put(gateway, document=document)
    assert response.json()["document"]["hysteresis"]["burn_rate_below"] == 0.9
    assert (await put(gateway, "No-Name")).status_code == 404
    nested: Any = STRICT
    for _ in range(900):
        nested = {"risk": nested}
    huge = b'{"risk": {"SAFE": 1e400}}'
    body = f'{{"actor": "ana", "reason": "{WHO["reason"]}", "document": {huge.decode()}}}'
    for wrong in (body.encode(), json.dumps({**WHO, "document": nested}).encode()):
        response = await gateway.write("PUT", "/api/policies/payments", wrong)
        assert response.status_code == 422
    for missing in ({"document": STRICT}, {**WHO}, {**WHO, "document": []}):
        response = await gateway.write("PUT", "/api/policies/payments", missing)
        assert response.status_code == 422


async def test_the_audit_is_paged_and_filtered(gateway: GatewayHarness) -> None:
    for number in range(5):
        await put(gateway, f"team-{number}", {"applies_to": {"services": [f"s{number}"]}})
    shown: list[int] = []
    path = "/api/audit?limit=2"
    while path:
        response = await gateway.client.get(path)
        shown += [entry["id"] for entry in response.json()]
        path = response.links.get("next", {}).get("url", "")
    assert shown == [5, 4, 3, 2, 1]
    [entry] = await gateway.get("/api/audit", subject="policy/team-3")
    assert entry["id"] == 4
    assert await gateway.get("/api/audit", service="checkout") == []


async def test_decisions_are_listed_and_one_is_shown_with_its_inputs(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    ids = [f"01JD{number}" for number in range(4)]
    for number, i in enumerate(ids):
        at = NOW - timedelta(minutes=10 - number)
        made = decided("checkout", decision_id=i, decided_at=at)
        await store_decision(gateway.database, made, {"tier": 1}, {"name": "default"})
    await store_decision(gateway.database, decided("cart", decision_id="01JD9"))
    shown: list[str] = []
    path = "/api/release/checkout/history?limit=3"
    while path:
        response = await gateway.client.get(path)
        shown += [decision["decision_id"] for decision in response.json()]
        path = response.links.get("next", {}).get("url", "")
    assert shown == ids[::-1]
    one = await gateway.get("/api/decisions/01JD2")
    assert (one["inputs"], one["policy_document"]) == ({"tier": 1}, {"name": "default"})
    assert (one["policy"], one["verdicts"][0]["decision"]) == ("default", "ALLOW")
    for unknown in ("01JD7", "%00", "x" * 64):
        response = await gateway.client.get(f"/api/decisions/{unknown}")
        assert (response.status_code, response.json()["code"]) == (404, "unknown_decision")
    assert (await gateway.client.get("/api/decisions/" + "x" * 65)).status_code == 422


async def test_a_change_says_by_whose_credential_it_came(gateway: GatewayHarness) -> None:
    made = await gateway.write("POST", "/api/keys", {"name": "pipeline", "scopes": ["ingest"]})
    key = f"key/{made.json()['id']}"
    for number, sender in enumerate(("", "oidc/ana", key, "key/0123456789ab")):
        at = NOW - timedelta(minutes=number)
        event = ChangeEvent(service="checkout", at=at, kind="deploy", actor="ben")
        await store_change(gateway.database, number, event, sender)
    await gateway.write("DELETE", f"/api/keys/{key.removeprefix('key/')}")
    shown = [(c["actor"], c["reported_by"]) for c in await gateway.get("/api/changes")]
    names = [None, "oidc/ana", "key/pipeline", "key/0123456789ab"]
    assert shown == [("ben", name) for name in names]


async def test_changes_are_listed_by_time_and_service(gateway: GatewayHarness) -> None:
    await gateway.service()
    for number, service, minutes_ago in (
        (1, "checkout", 30),
        (3, "checkout", 10),
        (2, "cart", 10),
        (4, "checkout", 2000),
    ):
        at = NOW - timedelta(minutes=minutes_ago)
        event = ChangeEvent(service=service, at=at, kind="deploy", version=f"1.{number}")
        await store_change(gateway.database, number, event)
    assert [c["version"] for c in await gateway.get("/api/changes")] == ["1.2", "1.3", "1.1"]
    [first, second] = await gateway.get("/api/changes", service="checkout")
    assert (first["version"], second["version"]) == ("1.3", "1.1")
    assert first["at"] == "2026-03-02T11:50:30Z"
    assert (first["kind"], first["id"], first["url"]) == ("deploy", "03" * 16, "")
    span = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T11:30:30Z"}
    assert [c["version"] for c in await gateway.get("/api/changes", **span)] == ["1.1", "1.4"]
    path, shown = "/api/changes?limit=1&from=2026-03-01T00:00:00Z", []
    while path:
        response = await gateway.client.get(path)
        shown += [change["version"] for change in response.json()]
        path = response.links.get("next", {}).get("url", "")
    assert shown == ["1.2", "1.3", "1.1", "1.4"]
    for query in ({"from": "yesterday"}, {"cursor": "W10"}):
        response = await gateway.client.get("/api/changes", params=query)
        assert response.status_code == 422
    assert (await gateway.client.get("/api/changes?service=nobody")).status_code == 404


async def test_notes_stand_among_the_changes_and_by_themselves(gateway: GatewayHarness) -> None:
    kinds: tuple[ChangeKind, ...] = get_args(ChangeKind)
    for number, kind in enumerate(kinds, start=1):
        at = NOW - timedelta(minutes=number)
        await store_change(gateway.database, number, ChangeEvent("checkout", at, kind, note="so"))
    assert [c["kind"] for c in await gateway.get("/api/changes")] == [*kinds]
    assert [c["kind"] for c in await gateway.get("/api/changes", kind="note")] == ["note"]
    some = await gateway.client.get("/api/changes?kind=config&kind=deploy")
    assert [c["kind"] for c in some.json()] == ["deploy", "config"]
    assert (await gateway.client.get("/api/changes?kind=remark")).status_code == 422
