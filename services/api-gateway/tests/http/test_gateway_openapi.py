"""The document at /docs says all that the operations answer, and they answer as it says."""

from functools import partial
from typing import Any, Final

import jsonschema
import pytest

from common.access.middleware import Access
from common.access.scopes import needed
from common.service.app import EXPOSED_HEADERS
from tests.support.gateway.access import api_key
from tests.support.gateway.document import operation_of, operations, references, validate
from tests.support.gateway.filled import answer_all
from tests.support.gateway.harness import TOKEN, GatewayHarness
from tests.support.gateway.operation_cases import (
    ACTOR,
    EVENT,
    GOOD,
    HOOK,
    KEY,
    NEW_KEY,
    NO_KEY,
    NO_LETTER,
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
)

BAD: Final[list[tuple[str, str, str, Any, int]]] = [
    ("list_services", "GET", "/api/services?limit=0", None, 422),
    ("create_service", "POST", "/api/services", SERVICE, 409),
    ("create_service", "POST", "/api/services", {}, 422),
    ("create_service", "POST", "/api/services", b" " * 70_000, 413),
    ("get_service", "GET", "/api/services/nobody", None, 404),
    ("update_service", "PUT", "/api/services/nobody", SERVICE, 404),
    ("update_service", "PUT", "/api/services/checkout", {}, 422),
    ("delete_service", "DELETE", "/api/services/nobody", None, 404),
    ("get_slo_status", "GET", "/api/slo/nobody", None, 404),
    ("list_slo_targets", "GET", "/api/slo/nobody/targets", None, 404),
    ("create_slo_target", "POST", "/api/slo/nobody/targets", TARGET, 404),
    ("create_slo_target", "POST", "/api/slo/checkout/targets", TARGET, 409),
    ("create_slo_target", "POST", "/api/slo/checkout/targets", {}, 422),
    ("update_slo_target", "PUT", "/api/slo/targets/99", {}, 404),
    ("update_slo_target", "PUT", "/api/slo/targets/1", {"name": "other"}, 409),
    ("update_slo_target", "PUT", "/api/slo/targets/1", {"objective": 1}, 422),
    ("delete_slo_target", "DELETE", "/api/slo/targets/99", None, 404),
    ("delete_slo_target", "DELETE", "/api/slo/targets/x", None, 422),
    ("preview_slo_target", "GET", "/api/slo/nobody/preview?objective=0.9", None, 404),
    ("preview_slo_target", "GET", "/api/slo/checkout/preview?objective=1", None, 422),
    ("get_forecast", "GET", "/api/forecast/nobody", None, 404),
    ("get_forecast", "GET", "/api/forecast/checkout?slo=none", None, 422),
    ("list_burn_rates", "GET", "/api/burn?cursor=x", None, 422),
    ("get_service_summary", "GET", "/api/summary/nobody", None, 404),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap?step=x", None, 422),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap?limit=0", None, 422),
    ("get_counts", "GET", "/api/counts?from=x", None, 422),
    ("get_burn_history", "GET", "/api/burn/nobody", None, 404),
    ("get_burn_history", "GET", "/api/burn/checkout?step=x", None, 422),
    ("purge_services", "POST", "/api/services/purge", {}, 422),
    ("list_dead_letter_sums", "GET", "/api/ingest/dead-letters/sums?limit=0", None, 422),
    ("compute_burn_rates", "POST", "/api/burn/compute?service=nobody", None, 404),
    ("compute_burn_rates", "POST", "/api/burn/compute", {"x": 1}, 422),
    ("compute_burn_rates", "POST", "/api/burn/compute", None, 504),
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
    ("revoke_override", "DELETE", f"{RELEASE}/override/99", RELEASE_STATEMENT, 404),
    ("revoke_override", "DELETE", f"{RELEASE}/override/1", {"actor": "b"}, 422),
    ("get_policy", "GET", "/api/policies/nobody", None, 404),
    ("put_policy", "PUT", "/api/policies/No", POLICY, 404),
    ("put_policy", "PUT", "/api/policies/critical", {**POLICY, "document": {}}, 422),
    ("delete_policy", "DELETE", "/api/policies/nobody", RELEASE_STATEMENT, 404),
    ("list_audit", "GET", "/api/audit?cursor=x", None, 422),
    ("list_changes", "GET", "/api/changes?service=nobody", None, 404),
    ("list_changes", "GET", "/api/changes?from=x", None, 422),
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
    ("update_slo_target", "PUT", "/api/slo/targets/1", {"objective": 0.9}, 422),
    ("delete_slo_target", "DELETE", "/api/slo/targets/1", None, 422),
    ("list_loosenings", "GET", "/api/loosenings?service=none", None, 404),
    ("get_loosening", "GET", "/api/loosenings/99", None, 404),
    ("approve_loosening", "POST", "/api/loosenings/2/approve", ACTOR, 409),
    ("undo_loosening", "POST", "/api/loosenings/99/undo", STATEMENT, 404),
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
    ("create_key", "POST", "/api/keys", {**NEW_KEY, "name": "known"}, 409),
    ("create_key", "POST", "/api/keys", {**NEW_KEY, "name": "two\nlines"}, 422),
    ("create_service", "POST", "/api/services", {**SERVICE, "name": "Big Name"}, 422),
    ("create_alert_rule", "POST", "/api/rules", {**STATEMENT, "rule": {"name": "Big"}}, 422),
    ("put_policy", "PUT", "/api/policies/x", {**POLICY, "document": {"name": "X"}}, 422),
    ("create_channel", "POST", "/api/channels", {**HOOK, "name": "Big Name"}, 422),
    ("create_key", "POST", "/api/keys", {**NEW_KEY, "scopes": []}, 422),
    ("create_key", "POST", "/api/keys", {**NEW_KEY, "scopes": ["root"]}, 422),
    ("create_key", "POST", "/api/keys", {**NEW_KEY, "expires_in_days": 0}, 422),
    ("create_key", "POST", "/api/keys", b" " * 70_000, 413),
    ("get_key", "GET", NO_KEY, None, 404),
    ("get_key", "GET", "/api/keys/no-id", None, 422),
    ("rotate_key", "POST", f"{NO_KEY}/rotate", None, 404),
    ("rotate_key", "POST", f"{KEY}/rotate", {"overlap_hours": -1}, 422),
    ("revoke_key", "DELETE", NO_KEY, None, 404),
    ("list_dead_letters", "GET", "/api/ingest/dead-letters?cursor=x", None, 422),
    ("list_dead_letters", "GET", f"/api/ingest/dead-letters?code={'x' * 65}", None, 422),
    ("get_dead_letter", "GET", NO_LETTER, None, 404),
    ("get_dead_letter", "GET", "/api/ingest/dead-letters/x", None, 422),
    ("replay_dead_letter", "POST", f"{NO_LETTER}/replay", {"actor": "ines"}, 404),
    ("replay_dead_letter", "POST", REPLAY, {"actor": "ines"}, 422),
    ("replay_dead_letter", "POST", REPLAY, {"event": EVENT}, 422),
    ("skip_batch", "POST", "/api/ingest/skips", {**SKIP, "partition": 0}, 409),
    ("skip_batch", "POST", "/api/ingest/skips", {**SKIP, "topic": "slo.burnrates.v1"}, 422),
    ("skip_batch", "POST", "/api/ingest/skips", {**SKIP, "offset": -1}, 422),
    ("skip_batch", "POST", "/api/ingest/skips", {**SKIP, "reason": "short"}, 422),
]
"""Operation, method, path, body, status."""

OPERATIONS: Final = {row[0] for row in GOOD} | {"stream_changes"}
JSON_TOO: Final = {"get_release", "check_release"}
"""Operations of which a refusal is an answer as well: `http_status=strict`."""
CREATE_NOTHING: Final = {
    "compute_burn_rates",
    "purge_services",
    "check_release",
    "approve_override",
    "approve_loosening",
    "undo_loosening",
    "test_channel",
    "rotate_key",
    "replay_dead_letter",
    "skip_batch",
}

NOT_AUDITED: Final = {"compute_burn_rates", "purge_services", "check_release"}  # as asked
REGEX_SIGNS: Final = ("[a-z", "[0-9", "[^", "\\\\u", "{0,")

WRITES = {"post", "put", "patch", "delete"}


def test_pages_of_other_origins_may_read_every_header_that_is_documented(
    gateway_document: dict[str, Any],
) -> None:
    answers = [a for _, _, o in operations(gateway_document) for a in o["responses"].values()]
    assert {name for a in answers for name in a.get("headers", {})} <= {*EXPOSED_HEADERS}


async def test_the_document_is_valid_and_has_every_operation(gateway: GatewayHarness) -> None:
    document = await gateway.get("/openapi.json")
    found = {o["operationId"] for _, _, o in operations(document)}
    assert found == OPERATIONS
    every = [o for item in document["paths"].values() for o in item.values()]
    assert len({o["operationId"] for o in every}) == len(every)
    assert all(o["tags"] and o["summary"] for o in every)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert "HTTPValidationError" not in str(document["paths"])
    for reference in references(document):
        assert reference.rpartition("/")[2] in schemas
    assert (await gateway.client.get("/docs")).status_code == 200


def test_the_document_holds_the_boundaries_between_the_risk_levels(
    gateway_document: dict[str, Any],
) -> None:
    schemas = gateway_document["components"]["schemas"]
    assert schemas["RiskBoundary"]["enum"] == [1.0, 1.5, 2.0]
    assert len(schemas["RiskLevel"]["enum"]) == len(schemas["RiskBoundary"]["enum"]) + 1


async def test_every_operation_declares_its_problems(gateway: GatewayHarness) -> None:
    document = await gateway.get("/openapi.json")
    for path, method, operation in operations(document):
        declared = set(operation["responses"])
        wanted = {"429", "503"}
        need = needed(method.upper(), path)
        assert operation["x-scope"] == need.scope
        assert operation.get("security") == ([{"bearer": [need.scope]}] if need.always else None)
        if need.always:
            wanted |= {"401", "403"}
        if method in WRITES:
            wanted |= {"413"}
        if "{" in path:
            wanted |= {"404"}
        if "requestBody" in operation:
            wanted |= {"415", "422"}
        assert wanted <= declared, operation["operationId"]
        for status in declared - {"200", "201", "202", "204", "304"}:
            kinds = {*operation["responses"][status]["content"]}
            answers = operation["operationId"] in JSON_TOO
            if not (answers and status in {"403", "503"}):
                assert kinds == {"application/problem+json"}
        if "post" in method and operation["operationId"] not in CREATE_NOTHING:
            assert "Location" in operation["responses"]["201"]["headers"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"), GOOD, ids=[f"{g[0]}-{g[2]}" for g in GOOD]
)
async def test_good_answers_are_as_documented_and_name_the_credential(  # noqa: PLR0913, PLR0917 - a row of the table
    filled: GatewayHarness,
    gateway_document: dict[str, Any],
    operation: str,
    method: str,
    path: str,
    body: Any,
) -> None:
    filled.sender.answer = partial(answer_all, filled)
    who = api_key("admin", name="ana maria")
    filled.ring.apply(who.key)
    before, audited = await filled.writers(), await filled.audited()
    response = await filled.client.request(method, path, json=body, headers=who.headers)
    assert response.status_code < 300, response.text
    validate(gateway_document, operation, response)
    recorded = (await filled.audited())[len(audited) :]
    asked_only = operation in NOT_AUDITED or "dry_run" in path
    assert bool(recorded) == (method != "GET" and not asked_only)
    assert await filled.writers() - before == ({"key/ana maria"} if recorded else set())
    typed = (body or {}).get("actor", (body or {}).get("created_by"))
    said = {(entry.actor, entry.credential, entry.on_behalf_of) for entry in recorded}
    assert said <= {("key/ana maria", f"key/{who.key.id}", typed)}
    if body is not None:
        declared = operation_of(gateway_document, operation)["requestBody"]["content"]
        schema = declared["application/json"]["schema"]
        jsonschema.validate(body, {**schema, "components": gateway_document["components"]})


@pytest.mark.parametrize(
    ("operation", "method", "path", "body", "status"),
    BAD,
    ids=[f"{b[0]}-{b[4]}-{b[2]}" for b in BAD],
)
async def test_problems_are_as_documented(  # noqa: PLR0913, PLR0917 - a row of the table
    filled: GatewayHarness,
    gateway_document: dict[str, Any],
    operation: str,
    method: str,
    path: str,
    body: Any,
    status: int,
) -> None:
    response = await filled.write(method, path, body)
    assert response.status_code == status, response.text
    validate(gateway_document, operation, response)
    assert not [sign for sign in REGEX_SIGNS if sign in response.text], "no reader knows patterns"


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"), GOOD, ids=[f"{g[0]}-{g[2]}" for g in GOOD]
)
async def test_every_operation_has_the_problems_that_any_may_have(  # noqa: PLR0913, PLR0917
    filled: GatewayHarness,
    gateway_document: dict[str, Any],
    operation: str,
    method: str,
    path: str,
    body: Any,
) -> None:
    statuses = set()
    if method != "GET":
        response = await filled.client.request(method, path, json=body)
        validate(gateway_document, operation, response)
        statuses.add(response.status_code)
        if "requestBody" in operation_of(gateway_document, operation):
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}
            response = await filled.client.request(method, path, content="x", headers=headers)
            validate(gateway_document, operation, response)
            statuses.add(response.status_code)
    filled.sender.acknowledges = False
    filled.database.failure = ConnectionRefusedError()
    response = await filled.write(method, path, body)
    validate(gateway_document, operation, response)
    assert response.status_code == 503
    filled.database.failure = None
    allow_nothing(filled)
    response = await filled.write(method, path, body)
    validate(gateway_document, operation, response)
    assert response.status_code == 429
    assert "RateLimit" in response.headers
    assert int(response.headers["Retry-After"]) > 0
    if method != "GET":
        assert 401 in statuses


def allow_nothing(gateway: GatewayHarness) -> None:
    """Let every caller have used up what it may send."""
    for limits in (gateway.of(Access).reads, gateway.of(Access).writes):
        limits._buckets.clear()
        limits._burst, limits._rate_per_second = 0, 0.001
