"""The audit says of every write who changed what, from which value to which, in pages and files."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any, Final

import pytest

from common.storage.audit_files import verify_file
from tests.support.burn_events import NOW
from tests.support.gateway.access import given
from tests.support.gateway.document import operations
from tests.support.gateway.filled import answer_all
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import (
    ACTOR,
    EVENT,
    HOOK,
    KEY,
    NEW_KEY,
    OVERRIDE,
    POLICY,
    RELEASE,
    RELEASE_STATEMENT,
    REPLAY,
    RULE,
    RULE_PATH,
    SERVICE,
    SILENCE,
    SKIP,
    STATEMENT,
    TAKE,
    TARGET,
    WHY,
)

OF_THE_FILE: Final = "Levels decide; a spent budget stops features; without data, tier 1 waits."
Changes = dict[str, tuple[Any, Any]]

WRITES: Final[list[tuple[str, str, str, Any, str, Changes]]] = [
    (
        *("create_service", "POST", "/api/services", {**SERVICE, "name": "new"}),
        *("service.created", {"tier": (None, 1), "owner": (None, "payments")}),
    ),
    (
        *("update_service", "PUT", "/api/services/checkout", {**SERVICE, "owner": "shop"}),
        *("service.changed", {"owner": ("payments", "shop")}),
    ),
    (
        *("delete_service", "DELETE", "/api/services/checkout", {"reason": WHY}),
        *("service.deleted", {"tier": (1, None), "targets.main.objective": ("0.999", None)}),
    ),
    (
        *("purge_services", "POST", "/api/services/purge", {"source": "till", "dry_run": False}),
        *("services.purged", {"services": (["unseen"], [])}),
    ),
    (
        *("create_slo_target", "POST", "/api/slo/unseen/targets", TARGET),
        *("target.created", {"objective": (None, "0.999"), "name": (None, "main")}),
    ),
    (
        *("update_slo_target", "PUT", "/api/slo/targets/1", {"objective": 0.9995}),
        *("target.changed", {"objective": ("0.999", "0.9995")}),
    ),
    (
        *("delete_slo_target", "DELETE", "/api/slo/targets/2", {"reason": WHY}),
        *("target.deleted", {"objective": ("0.5", None)}),
    ),
    (
        *("check_release", "POST", f"{RELEASE}/check?change_class=fix", None),
        *("override.used", {"uses": (0, 1)}),
    ),
    (
        *("create_override", "POST", f"{RELEASE}/override", OVERRIDE),
        *("override.created", {"decision": (None, "ALLOW"), "version": (None, "1.42.1")}),
    ),
    (
        *("approve_override", "POST", f"{RELEASE}/override/2/approve", {"actor": "boris"}),
        *("override.approved", {"state": ("pending", "active"), "approver": (None, "key/ana")}),
    ),
    (
        *("revoke_override", "DELETE", f"{RELEASE}/override/1", RELEASE_STATEMENT),
        *("override.revoked", {"state": ("active", "revoked")}),
    ),
    (
        *("put_policy", "PUT", "/api/policies/critical", POLICY),
        *("policy.changed", {"applies_to.tiers": (None, [1])}),
    ),
    (
        *("put_policy", "PUT", "/api/policies/default"),
        {**POLICY, "document": {"overrides": {"second_approver_tiers": [2]}}},
        *("policy.changed", {"overrides.second_approver_tiers": ([], [2])}),
    ),
    (
        *("delete_policy", "DELETE", "/api/policies/default", RELEASE_STATEMENT),
        *("policy.deleted", {"description": ("", OF_THE_FILE)}),
    ),
    (
        *("approve_loosening", "POST", "/api/loosenings/1/approve", ACTOR),
        *("loosening.recorded", {"state": ("pending", "standing")}),
    ),
    (
        *("undo_loosening", "POST", "/api/loosenings/2/undo", STATEMENT),
        *("loosening.undone", {"state": ("standing", "ended")}),
    ),
    (
        *("acknowledge_alert", "PATCH", TAKE, {**ACTOR, "comment": "mine"}),
        *("alert.acknowledged", {"state": ("firing", "acknowledged")}),
    ),
    (
        *("create_silence", "POST", "/api/silences", SILENCE),
        *("silence.created", {"matchers": (None, ["service=~check*"])}),
    ),
    (
        *("expire_silence", "DELETE", "/api/silences/1", STATEMENT),
        *(
            "silence.expired",
            {"ends_at": ((NOW + timedelta(hours=1)).isoformat(), NOW.isoformat())},
        ),
    ),
    (
        *(
            "create_alert_rule",
            "POST",
            "/api/rules",
            {**STATEMENT, "rule": {**RULE, "name": "3rd"}},
        ),
        *("rule.added", {"name": (None, "3rd"), "tiers": (None, [1])}),
    ),
    (
        *("change_alert_rule", "PATCH", RULE_PATH, {**STATEMENT, "changes": {"enabled": False}}),
        *("rule.changed", {"enabled": (True, False)}),
    ),
    (
        *("delete_alert_rule", "DELETE", "/api/rules/half", STATEMENT),
        *("rule.deleted", {"name": ("half", None), "kind": ("budget_left", None)}),
    ),
    (
        *("create_channel", "POST", "/api/channels", {**HOOK, "name": "other"}),
        *("channel.added", {"kind": (None, "webhook"), "url": (None, "(hidden, another)")}),
    ),
    (
        *("change_channel", "PUT", "/api/channels/2"),
        {**ACTOR, "enabled": False, "secrets": {"url": "https://hooks.example.com/0th3r"}},
        "channel.changed",
        {
            "enabled": (True, False),
            "url": ("(hidden)", "(hidden, another)"),
            "signing_secret": ("(hidden)", None),
        },
    ),
    (
        *("delete_channel", "DELETE", "/api/channels/2", STATEMENT),
        *("channel.deleted", {"kind": ("webhook", None), "url": ("(hidden)", None)}),
    ),
    ("test_channel", "POST", "/api/channels/1/test", ACTOR, "channel.tested", {}),
    (
        *("create_key", "POST", "/api/keys", NEW_KEY),
        *("key.created", {"scopes": (None, ["read", "ingest"])}),
    ),
    (
        *("rotate_key", "POST", f"{KEY}/rotate", {"overlap_hours": 0}),
        *("key.rotated", {"secrets_expire_at": ([None], [NOW.isoformat(), None])}),
    ),
    (
        *("revoke_key", "DELETE", KEY, None),
        *("key.revoked", {"revoked": (False, True)}),
    ),
    (
        *("replay_dead_letter", "POST", REPLAY, {"actor": "ines", "event": EVENT}),
        *("dead_letter.replayed", {"state": ("refused", "replayed"), "total": (None, 9)}),
    ),
    (
        *("skip_batch", "POST", "/api/ingest/skips", SKIP),
        *("batch.skipped", {"next_offset": (0, 5)}),
    ),
]
"""Operation, method, path, body, action, and some of what it changes."""

WRITE_NOTHING: Final = {"compute_burn_rates"}
REPORTED: Final = """INSERT INTO burnrate.service (service, shard, slot, newest_at, source, sender)
    VALUES ('unseen', 0, 99, :at, 'till', 'bootstrap')"""
SECRETS: Final = ("t0ps3cret", "0th3r", "s3cret", "blk_")


async def test_no_writing_operation_is_missing(gateway_document: dict[str, Any]) -> None:
    writing = {o["operationId"] for _, m, o in operations(gateway_document) if m != "get"}
    assert writing - WRITE_NOTHING == {row[0] for row in WRITES}


@pytest.mark.parametrize(
    ("method", "path", "body", "action", "changes"), [row[1:] for row in WRITES]
)
async def test_every_write_is_audited_with_the_values_before_and_since(  # noqa: PLR0913, PLR0917
    filled: GatewayHarness, method: str, path: str, body: Any, action: str, changes: Changes
) -> None:
    filled.sender.answer = partial(answer_all, filled)
    await filled.database.run(REPORTED, {"at": NOW})
    before = await filled.get("/api/audit", limit="1")
    key = filled.key("ana", "admin")
    answer = await filled.write(method, path, body, key)
    assert answer.is_success, answer.text
    entry = next(e for e in await filled.get("/api/audit") if e["action"] == action)
    assert entry["id"] > before[0]["id"]
    told = {change["field"]: (change["old"], change["new"]) for change in entry["changes"]}
    assert {field: told.get(field) for field in changes} == changes
    assert bool(told) == bool(changes), "an act that changes nothing says so"
    assert all(old != new for old, new in told.values())
    assert not [secret for secret in SECRETS if secret in json.dumps(entry)]
    assert (entry["actor"], entry["credential"]) == ("key/ana", f"key/{key.split('_')[1]}")
    if body and "reason" in body:
        assert entry["reason"] == body["reason"]
    gone = method == "DELETE" or action.startswith("services")
    if entry["href"] and not gone:
        assert (await filled.write("GET", entry["href"])).status_code == 200


async def names(gateway: GatewayHarness, **asked: str) -> list[str]:
    return [entry["subject"] for entry in await gateway.get("/api/audit", **asked)]


async def test_entries_are_found_by_object_person_kind_and_time(gateway: GatewayHarness) -> None:
    await gateway.service("cart")
    target = await gateway.target("cart", name="payments answer")
    kept = given(gateway.ring, "operate")
    gateway.now[0] = later = gateway.now[0].replace(hour=15)
    body = {**SILENCE, "created_by": "ines"}
    made = await gateway.client.post("/api/silences", json=body, headers=kept)
    silence, own = f"silence/{made.json()['id']}", f"target/{target['id']}"
    entries = await gateway.get("/api/audit")
    assert [entry["subject"] for entry in entries] == [silence, own, "service/cart"]
    credential, actor = entries[0]["credential"], entries[0]["actor"]
    assert (actor, entries[0]["on_behalf_of"]) == ("key/test", "ines")
    at = later.isoformat()
    for asked, found in (
        ({"object_type": "target"}, [own]),
        ({"object_type": "target", "object_name": str(target["id"])}, [own]),
        ({"object_name": "payments answer"}, [own]),
        ({"object_name": "cart"}, ["service/cart"]),
        ({"object_type": "targ"}, []),
        ({"person": "ines"}, [silence]),
        ({"person": actor}, [silence]),
        ({"person": "test"}, [silence]),
        ({"person": credential}, [silence]),
        ({"person": "bootstrap"}, [own, "service/cart"]),
        ({"action": "created"}, [silence, own, "service/cart"]),
        ({"action": "target.created"}, [own]),
        ({"from": at}, [silence]),
        ({"to": at}, [own, "service/cart"]),
        ({"from": at, "person": "bootstrap"}, []),
        ({"service": "cart", "action": "created"}, [own, "service/cart"]),
        ({"subject": own}, [own]),
    ):
        assert await names(gateway, **asked) == found, asked
    for wrong in ({"from": "yesterday"}, {"to": "x"}, {"format": "xml"}):
        assert (await gateway.client.get("/api/audit", params=wrong)).status_code == 422


async def test_pages_keep_what_was_asked_for(gateway: GatewayHarness) -> None:
    for number in range(5):
        await gateway.service(f"service-{number}")
        await gateway.target(f"service-{number}")
    shown, path = [], "/api/audit?limit=2&object_type=service"
    while path:
        response = await gateway.client.get(path)
        shown += [entry["subject"] for entry in response.json()]
        path = response.links.get("next", {}).get("url", "")
    assert shown == [f"service/service-{number}" for number in (4, 3, 2, 1, 0)]


def media_types() -> Iterator[tuple[dict[str, str], dict[str, str], str]]:
    for form, media_type in (("csv", "text/csv"), ("ndjson", "application/x-ndjson")):
        yield {"format": form}, {}, media_type
        yield {}, {"Accept": f"{media_type}; q=1, */*; q=0.1"}, media_type


@pytest.mark.parametrize(("query", "headers", "media_type"), [*media_types()])
async def test_a_file_holds_all_that_is_asked_for_and_is_verified(
    filled: GatewayHarness, query: dict[str, str], headers: dict[str, str], media_type: str
) -> None:
    for _ in range(3):
        await filled.target("unseen", name="=cmd|' /C calc'!A0", window_days=None)
        path = f"/api/slo/targets/{await newest_target(filled)}"
        assert (await filled.write("DELETE", path, {"reason": WHY})).is_success
    entries = await filled.get("/api/audit", limit="500")
    for asked in ({}, {"object_type": "target"}, {"person": "nobody"}):
        response = await filled.client.get("/api/audit", params={**query, **asked}, headers=headers)
        assert response.status_code == 200
        assert response.headers["Content-Type"].partition(";")[0] == media_type
        assert "attachment" in response.headers["Content-Disposition"]
        known = {entry["id"]: entry["hash"] for entry in entries}
        found = verify_file(StringIO(response.text, newline=""), known)
        assert found.fault is None
        chosen = await filled.get("/api/audit", limit="500", **asked)
        assert found.entries == len(chosen)
        assert found.start is not None
        assert (found.start.selection is None) == (not asked)


async def newest_target(gateway: GatewayHarness) -> int:
    targets = await gateway.get("/api/slo/unseen/targets")
    number: int = targets[-1]["id"]
    return number


async def test_a_file_is_streamed_in_parts(
    filled: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_gateway.audit.service.ENTRIES_AT_ONCE", 2)
    response = await filled.client.get("/api/audit", params={"format": "ndjson"})
    found = verify_file(StringIO(response.text, newline=""), {})
    assert found.fault is None
    assert found.entries == len(await filled.get("/api/audit", limit="500"))
