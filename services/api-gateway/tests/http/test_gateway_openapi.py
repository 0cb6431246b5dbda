"""The document at /docs says all that the operations answer, and they answer as it says."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest

from common.access.scopes import needed
from tests.support.gateway import alert_rows as gateway_alert_rows
from tests.support.gateway import ingest_rows as gateway_ingest_rows
from tests.support.gateway import key_rows as gateway_key_rows
from tests.support.gateway import release_rows as gateway_release_rows
from tests.support.gateway import summary_rows as gateway_summary_rows
from tests.support.gateway.document import operation_of, operations, validate
from tests.support.gateway.fixtures import SETTINGS, gateway_on
from tests.support.gateway.in_memory import TOKEN, GatewayHarness, MemoryStore
from tests.support.gateway.rows import answer_all, fill

WRITES = {"post", "put", "patch", "delete"}
OPERATIONS = {
    "list_services",
    "create_service",
    "get_service",
    "update_service",
    "delete_service",
    "get_slo_status",
    "list_slo_targets",
    "create_slo_target",
    "update_slo_target",
    "delete_slo_target",
    "list_burn_rates",
    "get_burn_history",
    "compute_burn_rates",
    "preview_slo_target",
    "get_overview",
    "stream_changes",
    "get_forecast",
    *gateway_summary_rows.OPERATIONS,
    *gateway_release_rows.OPERATIONS,
    *gateway_alert_rows.OPERATIONS,
    *gateway_key_rows.OPERATIONS,
    *gateway_ingest_rows.OPERATIONS,
}
SERVICE = {"name": "checkout", "tier": 1, "owner": "payments"}
TARGET = {"name": "main", "sli_type": "availability", "objective": 0.999}
# operation, method, path, body: what is answered well
GOOD: list[tuple[str, str, str, Any]] = [
    ("list_services", "GET", "/api/services?limit=1", None),
    ("create_service", "POST", "/api/services", {**SERVICE, "name": "new"}),
    ("get_service", "GET", "/api/services/checkout", None),
    ("update_service", "PUT", "/api/services/checkout", SERVICE),
    ("delete_service", "DELETE", "/api/services/cart", None),
    ("get_slo_status", "GET", "/api/slo/checkout", None),
    ("get_slo_status", "GET", "/api/slo/unseen", None),
    ("list_slo_targets", "GET", "/api/slo/checkout/targets", None),
    ("create_slo_target", "POST", "/api/slo/unseen/targets", TARGET),
    ("update_slo_target", "PUT", "/api/slo/targets/1", {"objective": 99.5}),
    ("delete_slo_target", "DELETE", "/api/slo/targets/2", None),
    ("list_burn_rates", "GET", "/api/burn", None),
    ("get_burn_history", "GET", "/api/burn/checkout?step=1h", None),
    ("compute_burn_rates", "POST", "/api/burn/compute", None),
    ("preview_slo_target", "GET", "/api/slo/checkout/preview?objective=0.9995", None),
    ("get_overview", "GET", "/api/overview", None),
    ("get_forecast", "GET", "/api/forecast/checkout", None),
    ("get_forecast", "GET", "/api/forecast/unseen", None),
    *gateway_summary_rows.GOOD,
    *gateway_release_rows.GOOD,
    *gateway_alert_rows.GOOD,
    *gateway_key_rows.GOOD,
    *gateway_ingest_rows.GOOD,
]
# operation, method, path, body, status
BAD: list[tuple[str, str, str, Any, int]] = [
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
    *gateway_summary_rows.BAD,
    ("get_burn_history", "GET", "/api/burn/nobody", None, 404),
    ("get_burn_history", "GET", "/api/burn/checkout?step=x", None, 422),
    ("compute_burn_rates", "POST", "/api/burn/compute?service=nobody", None, 404),
    ("compute_burn_rates", "POST", "/api/burn/compute", {"x": 1}, 422),
    ("compute_burn_rates", "POST", "/api/burn/compute", None, 504),
    *gateway_release_rows.BAD,
    *gateway_alert_rows.BAD,
    *gateway_key_rows.BAD,
    *gateway_ingest_rows.BAD,
]


@pytest.fixture
async def fresh(gateway: GatewayHarness) -> GatewayHarness:
    """Services with and without figures, targets of one of them, one page more than one row."""
    await fill(gateway)
    return gateway


@pytest.fixture(scope="module")
def read_only() -> GatewayHarness:
    """The same for all that only read."""

    async def filled_once() -> GatewayHarness:
        async with gateway_on(SETTINGS, MemoryStore()) as gateway:
            await fill(gateway)
            return gateway

    gateway = asyncio.run(filled_once())
    transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
    return replace(gateway, client=client)


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> GatewayHarness:
    """One that only this test writes to."""
    is_read = request.node.callspec.params["method"] == "GET"
    gateway: GatewayHarness = request.getfixturevalue("read_only" if is_read else "fresh")
    return gateway


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


def references(value: Any) -> Iterator[str]:
    """Give every `$ref` of a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


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
            answers = operation["operationId"] in gateway_release_rows.JSON_TOO
            if not (answers and status in {"403", "503"}):
                assert kinds == {"application/problem+json"}
        creates_nothing = {
            "compute_burn_rates",
            *gateway_release_rows.CREATE_NOTHING,
            *gateway_alert_rows.CREATE_NOTHING,
            *gateway_key_rows.CREATE_NOTHING,
            *gateway_ingest_rows.CREATE_NOTHING,
        }
        if "post" in method and operation["operationId"] not in creates_nothing:
            assert "Location" in operation["responses"]["201"]["headers"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"), GOOD, ids=[f"{g[0]}-{g[2]}" for g in GOOD]
)
async def test_good_answers_are_as_documented(  # noqa: PLR0913, PLR0917 - a row of the table
    filled: GatewayHarness,
    gateway_document: dict[str, Any],
    operation: str,
    method: str,
    path: str,
    body: Any,
) -> None:
    if operation == "compute_burn_rates":
        filled.sender.answer = lambda value: answer_all(filled, value)
    response = await filled.write(method, path, body)
    assert response.status_code < 300, response.text
    validate(gateway_document, operation, response)
    if body is not None:
        declared = operation_of(gateway_document, operation)["requestBody"]["content"]
        schema = {
            **declared["application/json"]["schema"],
            "components": gateway_document["components"],
        }
        jsonschema.validate(body, schema)


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


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"), GOOD, ids=[f"{g[0]}-{g[2]}" for g in GOOD]
)
async def test_every_operation_has_the_problems_that_any_may_have(  # noqa: PLR0913, PLR0917
    fresh: GatewayHarness,
    gateway_document: dict[str, Any],
    operation: str,
    method: str,
    path: str,
    body: Any,
) -> None:
    statuses = set()
    if method != "GET":
        response = await fresh.client.request(method, path, json=body)
        validate(gateway_document, operation, response)
        statuses.add(response.status_code)
        if "requestBody" in operation_of(gateway_document, operation):
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}
            response = await fresh.client.request(method, path, content="x", headers=headers)
            validate(gateway_document, operation, response)
            statuses.add(response.status_code)
    fresh.sender.acknowledges = False
    fresh.store.outage.failure = ConnectionRefusedError()
    response = await fresh.write(method, path, body)
    validate(gateway_document, operation, response)
    assert response.status_code == 503
    fresh.store.outage.failure = None
    allow_nothing(fresh)
    response = await fresh.write(method, path, body)
    validate(gateway_document, operation, response)
    assert response.status_code == 429
    assert "RateLimit" in response.headers
    assert int(response.headers["Retry-After"]) > 0
    if method != "GET":
        assert 401 in statuses


def allow_nothing(gateway: GatewayHarness) -> None:
    """Let every caller have used up what it may send."""
    for limits in (gateway.gateway.keys.access.reads, gateway.gateway.keys.access.writes):
        limits._buckets.clear()
        limits._burst, limits._rate_per_second = 0, 0.001
