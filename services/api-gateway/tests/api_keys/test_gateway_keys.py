"""API keys over HTTP: shown once, rotated with two that open, revoked at once."""

from datetime import timedelta
from typing import Any

import pytest

from api_gateway.api_keys.repository import ApiKeyStore
from api_gateway.api_keys.service import ApiKeyService
from common.access.key_cache import ApiKeyCache, KeyUses
from common.access.keys import presented_key, secret_hash
from common.events import ApiKeyUsed
from common.http.problems import Problem
from common.kafka.topics import KEYS
from tests.support.burn_events import NOW
from tests.support.gateway.harness import GatewayHarness

NEW = {"name": "pipeline", "scopes": ["operate"]}


async def created(gateway: GatewayHarness, **fields: Any) -> Any:
    answer = await gateway.write("POST", "/api/keys", {**NEW, **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Location"] == f"/api/keys/{answer.json()['id']}"
    return answer.json()


async def opens(gateway: GatewayHarness, key: str) -> bool:
    """Tell whether a key may write."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = await gateway.client.post("/api/services", headers=headers)
    assert answer.status_code in {401, 415}, answer.text
    return answer.status_code == 415


async def listed(gateway: GatewayHarness) -> Any:
    answer = await gateway.write("GET", "/api/keys")
    assert answer.status_code == 200
    return answer.json()


async def test_a_key_opens_at_once_and_is_never_shown_again(gateway: GatewayHarness) -> None:
    made = await created(gateway)
    assert await opens(gateway, made["key"])
    key = presented_key(made["key"])
    assert key is not None
    assert key.id == made["id"]
    for path in ("/api/keys", f"/api/keys/{key.id}"):
        shown = (await gateway.write("GET", path)).text
        assert key.secret not in shown
        assert secret_hash(key.secret) not in shown
    (one,) = await listed(gateway)
    assert one == {name: value for name, value in made.items() if name != "key"}
    assert (one["state"], one["created_by"]) == ("active", "bootstrap")
    assert one["expires_at"] == (NOW + timedelta(days=365)).isoformat().replace("+00:00", "Z")


async def test_what_is_stored_and_announced_is_a_hash(gateway: GatewayHarness) -> None:
    key = presented_key((await created(gateway))["key"])
    assert key is not None
    rows = await gateway.database.rows("SELECT * FROM catalog.api_keys")
    announced = await gateway.announced(KEYS)
    for text in (repr(rows), repr(announced)):
        assert secret_hash(key.secret) in text
        assert key.secret not in text
    assert key.secret not in repr(key)


async def test_while_a_key_is_rotated_two_secrets_open(gateway: GatewayHarness) -> None:
    made = await created(gateway)
    path = f"/api/keys/{made['id']}/rotate"
    second = (await gateway.write("POST", path, {"overlap_hours": 2})).json()
    assert second["id"] == made["id"]
    assert len(second["secrets"]) == 2
    assert await opens(gateway, made["key"])
    assert await opens(gateway, second["key"])
    gateway.now[0] += timedelta(hours=2)
    assert not await opens(gateway, made["key"])
    assert await opens(gateway, second["key"])
    assert len((await listed(gateway))[0]["secrets"]) == 1


async def test_of_three_secrets_the_oldest_gives_way(gateway: GatewayHarness) -> None:
    made = await created(gateway)
    path = f"/api/keys/{made['id']}/rotate"
    second, third = [(await gateway.write("POST", path)).json()["key"] for _ in range(2)]
    assert [await opens(gateway, key) for key in (made["key"], second, third)] == [
        False,
        True,
        True,
    ]


async def test_a_rotation_without_overlap_shuts_the_former_secret_out(
    gateway: GatewayHarness,
) -> None:
    made = await created(gateway)
    path = f"/api/keys/{made['id']}/rotate"
    second = (await gateway.write("POST", path, {"overlap_hours": 0})).json()
    assert not await opens(gateway, made["key"])
    assert await opens(gateway, second["key"])


async def test_a_rotation_may_give_the_key_more_time(gateway: GatewayHarness) -> None:
    made = await created(gateway, expires_in_days=1)
    path = f"/api/keys/{made['id']}/rotate"
    same = (await gateway.write("POST", path)).json()
    assert same["expires_at"] == made["expires_at"]
    longer = (await gateway.write("POST", path, {"expires_in_days": 10})).json()
    gateway.now[0] += timedelta(days=5)
    assert await opens(gateway, longer["key"])


async def test_a_key_that_was_revoked_elsewhere_writes_nothing_more(
    gateway: GatewayHarness,
) -> None:
    """Another gateway has revoked it, and no topic has said so: the row decides."""
    made = await created(gateway, scopes=["admin"])
    elsewhere = ApiKeyService(gateway.of(ApiKeyStore), ApiKeyCache(), lambda: NOW)
    await elsewhere.revoke(made["id"])
    headers = {"Authorization": f"Bearer {made['key']}"}
    writes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/api/keys", {"name": "survivor", "scopes": ["admin"]}),
        (f"/api/keys/{made['id']}/rotate", {}),
        ("/api/services", {"name": "checkout", "tier": 1, "owner": "team"}),
    )
    for path, body in writes:
        answer = await gateway.client.post(path, headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), path
    rows = await gateway.database.rows("SELECT name FROM catalog.api_keys")
    assert [row.name for row in rows] == ["pipeline"]

    assert await opens(gateway, made["key"]), "reads go on until the database is looked at"
    await gateway.of(ApiKeyService).read_changed()
    assert not await opens(gateway, made["key"])


async def test_a_key_may_revoke_itself(gateway: GatewayHarness) -> None:
    made = await created(gateway, scopes=["admin"])
    headers = {"Authorization": f"Bearer {made['key']}"}
    answer = await gateway.client.delete(f"/api/keys/{made['id']}", headers=headers)
    assert answer.status_code == 204
    assert not await opens(gateway, made["key"])


async def test_what_other_gateways_change_is_read_from_the_database(
    gateway: GatewayHarness,
) -> None:
    made = await created(gateway)
    known = ApiKeyCache()
    service = ApiKeyService(gateway.of(ApiKeyStore), known, lambda: NOW)
    presented = presented_key(made["key"])
    assert presented is not None
    await service.read_changed()
    assert known.principal(presented, NOW).id == f"key/{made['id']}"
    rotated = await gateway.write("POST", f"/api/keys/{made['id']}/rotate", {"overlap_hours": 0})
    await service.read_changed()
    with pytest.raises(Problem):
        known.principal(presented, NOW)
    second = presented_key(rotated.json()["key"])
    assert second is not None
    assert known.principal(second, NOW).scopes == {"operate"}
    await gateway.write("DELETE", f"/api/keys/{made['id']}")
    await service.read_changed()
    with pytest.raises(Problem):
        known.principal(second, NOW)


async def test_a_revoked_key_opens_nothing_and_stays_in_the_record(
    gateway: GatewayHarness,
) -> None:
    made = await created(gateway)
    path = f"/api/keys/{made['id']}"
    assert (await gateway.write("DELETE", path)).status_code == 204
    assert not await opens(gateway, made["key"])
    assert await listed(gateway) == []
    shown = (await gateway.write("GET", path)).json()
    assert (shown["state"], shown["revoked_by"], shown["secrets"]) == ("revoked", "bootstrap", [])
    assert (await gateway.write("DELETE", path)).status_code == 204
    assert (await gateway.write("POST", f"{path}/rotate")).status_code == 409
    await created(gateway)  # its name is free again


async def test_each_change_of_a_key_is_audited_without_secrets(gateway: GatewayHarness) -> None:
    made = await created(gateway)
    rotated = await gateway.write("POST", f"/api/keys/{made['id']}/rotate")
    await gateway.write("DELETE", f"/api/keys/{made['id']}")
    deeds = await gateway.audited()
    assert [d.action for d in deeds] == ["key.created", "key.rotated", "key.revoked"]
    assert {(d.actor, d.subject) for d in deeds} == {("bootstrap", f"key/{made['id']}")}
    for answer in (made["key"], rotated.json()["key"]):
        assert answer.split("_", 2)[2] not in repr(deeds)


async def test_what_a_report_of_a_key_may_count_stays_with_it_and_is_audited(
    gateway: GatewayHarness,
) -> None:
    made = await created(gateway, scopes=["ingest"], max_count_per_report=1000)
    rotated = await gateway.write("POST", f"/api/keys/{made['id']}/rotate")
    assert made["max_count_per_report"] == rotated.json()["max_count_per_report"] == 1000
    assert {key.max_count_per_report for key in await gateway.announced(KEYS)} == {1000}
    assert {d.details["max_count_per_report"] for d in await gateway.audited()} == {1000}
    for wrong in (0, 2**53, 1.5, "many"):
        body = {"name": "other", "scopes": ["ingest"], "max_count_per_report": wrong}
        answer = await gateway.write("POST", "/api/keys", body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "max_count_per_report"


async def test_a_key_without_an_end_has_none(gateway: GatewayHarness) -> None:
    made = await created(gateway, expires_in_days=None)
    gateway.now[0] += timedelta(days=10_000)
    assert await opens(gateway, made["key"])


async def test_the_last_use_is_shown(gateway: GatewayHarness) -> None:
    made = await created(gateway)
    assert made["last_used_at"] is None
    for second in (20, 10):
        use = ApiKeyUsed(made["id"], NOW + timedelta(seconds=second), "ingest")
        gateway.of(KeyUses).apply(use)
    assert (await listed(gateway))[0]["last_used_at"] == "2026-03-02T12:00:50Z"


async def test_there_is_a_most_of_keys(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_gateway.api_keys.service.MOST_KEYS", 2)
    await created(gateway, name="a")
    await created(gateway, name="b")
    answer = await gateway.write("POST", "/api/keys", {**NEW, "name": "c"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "too_many_keys"
