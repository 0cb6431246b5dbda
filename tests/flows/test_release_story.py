"""A release is blocked, overridden, checked and audited, through every service of a whole stack."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from common.config.clock import rfc3339
from tests.support.flow import command, create_service, get, send, wait_for
from tests.support.servers.stack import Stack

WHO = {"actor": "ana", "reason": "hotfix for the payment outage"}


def burn(stack: Stack, service: str, tier: int = 2) -> None:
    """Declare a service of which every request fails; wait until the gate blocks it."""
    create_service(stack, service, tier)
    newest = datetime.now(UTC) - timedelta(seconds=5)
    events = [
        {
            "service": service,
            "source": "story",
            "event_id": f"{service}-{i}",
            "timestamp": rfc3339(newest - timedelta(seconds=20 * i)),
            "total": 100,
            "bad": 100,
        }
        for i in range(6)
    ]
    send(stack, events)
    wait_for(stack, f"/api/release/{service}", lambda b: b["decision"] == "BLOCK")


def override(
    stack: Stack, service: str, status: int = 201, key: str | None = None, **fields: Any
) -> Any:
    """Override the gate; the answer must have that status."""
    wanted = {**WHO, "decision": "ALLOW", **fields}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with stack.client() as client:
        answer = client.post(f"/api/release/{service}/override", json=wanted, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def check(stack: Stack, service: str, **query: str) -> Any:
    with stack.client() as client:
        answer = client.post(f"/api/release/{service}/check", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_blocked_overridden_and_revoked(stack: Stack) -> None:
    burn(stack, "till")
    blocked = get(stack, "/api/release/till")
    assert (blocked["allowed"], blocked["risk_level"], blocked["override"]) == (
        False,
        "FREEZE",
        None,
    )
    assert blocked["reasons"][0]["effect"] == "BLOCK"
    assert blocked["data_age_seconds"] < 60
    said = command(stack, "gate", "check", "till", "--format", "json")
    assert said.returncode == 3, said.stderr
    assert json.loads(said.stdout)["decision"] == "BLOCK"

    made = override(stack, "till")
    shown = get(stack, "/api/release/till")
    assert (shown["decision"], shown["allowed"], shown["override"]["id"]) == (
        "ALLOW",
        True,
        made["id"],
    )
    assert command(stack, "gate", "check", "till").returncode == 0

    with stack.client() as client:
        why = {"actor": "boris", "reason": "the outage is over"}
        path = f"/api/release/till/override/{made['id']}"
        assert client.request("DELETE", path, json=why).json()["state"] == "revoked"
    assert get(stack, "/api/release/till")["decision"] == "BLOCK"


def test_a_version_its_uses_and_what_is_recorded(stack: Stack) -> None:
    burn(stack, "basket")
    made = override(stack, "basket", version="1.42.1", max_uses=1, change_class="fix")
    fix = {"change_class": "fix", "version": "1.42.1"}
    for query, decision in [
        ("", "BLOCK"),
        ("?change_class=fix", "BLOCK"),
        ("?version=1.42.1", "BLOCK"),
        ("?change_class=fix&version=1.42.0", "BLOCK"),
        ("?change_class=fix&version=1.42.1", "ALLOW"),
    ]:
        assert get(stack, f"/api/release/basket{query}")["decision"] == decision, query
    used = command(
        stack, "gate", "check", "basket", "--class", "fix", "--version", "1.42.1", "--use"
    )
    assert used.returncode == 0, used.stdout
    assert check(stack, "basket", **fix)["decision"] == "BLOCK"
    assert get(stack, f"/api/release/basket/override/{made['id']}")["state"] == "used_up"
    entries = get(stack, f"/api/audit?subject=override/{made['id']}")
    assert [entry["action"] for entry in entries] == ["override.used", "override.created"]
    verified = command(stack, "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_second_person_and_another_policy(stack: Stack) -> None:
    burn(stack, "vault", tier=1)
    two = {"applies_to": {"services": ["vault"]}, "overrides": {"second_approver_tiers": [1]}}
    with stack.client() as client:
        answer = client.put("/api/policies/vault", json={**WHO, "document": two})
        assert answer.status_code == 201, answer.text
    wait_for(stack, "/api/release/vault", lambda b: b["policy"] == "vault")
    scopes = ["override", "admin"]
    with stack.client() as client:
        made = [
            client.post("/api/keys", json={"name": name, "scopes": scopes}).json()["key"]
            for name in ("ana", "boris")
        ]
    pending = override(stack, "vault", status=202, key=made[0])
    assert pending["state"] == "pending"
    assert get(stack, "/api/release/vault")["decision"] == "BLOCK"
    with stack.client() as client:
        path = f"/api/release/vault/override/{pending['id']}/approve"
        assert client.post(path, json={"actor": "boris"}).status_code == 409
        own = {"Authorization": f"Bearer {made[1]}"}
        assert client.post(path, json={"actor": "boris"}, headers=own).status_code == 200
    assert get(stack, "/api/release/vault")["override"]["approved_on_behalf_of"] == "boris"

    milder: dict[str, Any] = {"applies_to": {"services": ["vault"]}, "risk": {"FREEZE": "WARN"}}
    milder["budget_exhausted"] = {"feature": "WARN"}
    with stack.client() as client:
        client.request("DELETE", path.removesuffix("/approve"), json=WHO)
        by_token = client.put("/api/policies/vault", json={**WHO, "document": milder})
        assert by_token.json()["errors"][0]["code"] == "nobodys_credential", by_token.text
        asking = {"Authorization": f"Bearer {made[0]}"}
        answer = client.put("/api/policies/vault", json={**WHO, "document": milder}, headers=asking)
        assert answer.status_code == 202, answer.text
        loosened = f"/api/loosenings/{answer.json()['id']}/approve"
        assert client.post(loosened, json={"actor": "ana"}, headers=asking).status_code == 409
        assert client.post(loosened, json={"actor": "boris"}, headers=own).status_code == 200
    warned = wait_for(stack, "/api/release/vault", lambda b: b["decision"] == "WARN")
    assert command(stack, "gate", "check", "vault", "--fail-on", "warn").returncode == 4
    with stack.client() as client:
        assert client.request("DELETE", "/api/policies/vault", json=WHO).status_code == 204
    wait_for(stack, "/api/release/vault", lambda b: b["decision"] == "BLOCK")
    replayed = command(stack, "gate", "replay", warned["decision_id"])
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    evidence = get(stack, f"/api/decisions/{warned['decision_id']}")
    assert evidence["policy_hash"] == warned["policy_hash"]
    assert evidence["inputs"]["service_name"] == "vault"


def test_strict_answers_and_what_nobody_has_heard_of(stack: Stack) -> None:
    create_service(stack, "attic", tier=1)
    create_service(stack, "shed", tier=3)
    for service, status, allowed in [("attic", 503, False), ("shed", 200, True)]:
        body = wait_for(stack, f"/api/release/{service}", lambda b: b["decision_id"] != "")
        assert (body["decision"], body["allowed"], body["data_status"]) == (
            "UNKNOWN",
            allowed,
            "no_data",
        )
        with stack.client() as client:
            strict = client.get(f"/api/release/{service}?http_status=strict")
        assert strict.status_code == status
    assert command(stack, "gate", "check", "attic").returncode == 5
    unknown = command(stack, "gate", "check", "nobody")
    assert unknown.returncode == 1
    assert "There is no service" in unknown.stderr


def test_changes_are_told_by_http_and_listed(stack: Stack) -> None:
    create_service(stack, "crane")
    at = rfc3339(datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2))
    deploy = {"service": "crane", "at": at, "kind": "deploy", "version": "7.1", "event_id": "p-1"}
    with stack.client(stack.ingest_url) as client:
        for _ in range(2):
            answer = client.post("/v1/changes", json=[deploy, {**deploy, "event_id": "p-2"}])
            assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    shown = wait_for(stack, "/api/changes?service=crane", lambda rows: len(rows) >= 2)
    assert [(c["at"], c["version"]) for c in shown] == [(at, "7.1")] * 2
    assert len({c["id"] for c in shown}) == 2


def test_an_override_ends_by_itself(stack: Stack) -> None:
    burn(stack, "depot")
    made = override(stack, "depot", expires_in_minutes=0.1)
    assert get(stack, "/api/release/depot")["override"]["id"] == made["id"]
    ends = datetime.fromisoformat(made["expires_at"])
    # the gate says so itself, not only the gateway: a decision that names no override any more
    body = wait_for(
        stack,
        "/api/release/depot/history?limit=1",
        lambda rows: all(v["override_id"] is None for v in rows[0]["verdicts"]),
    )
    decided = datetime.fromisoformat(body[0]["decided_at"])
    assert decided >= ends
    assert get(stack, "/api/release/depot")["override"] is None
