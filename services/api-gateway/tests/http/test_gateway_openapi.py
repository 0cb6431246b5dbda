"""The document at /docs says all that the operations answer, and they answer as it says."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jsonschema
import pytest

from common.access.scopes import needed
from tests.support.gateway.document import operation_of, operations, validate
from tests.support.gateway.filled import answer_all
from tests.support.gateway.harness import TOKEN, GatewayHarness
from tests.support.gateway.operation_cases import (
    BAD,
    CREATE_NOTHING,
    GOOD,
    JSON_TOO,
    OPERATIONS,
)

WRITES = {"post", "put", "patch", "delete"}


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
            answers = operation["operationId"] in JSON_TOO
            if not (answers and status in {"403", "503"}):
                assert kinds == {"application/problem+json"}
        if "post" in method and operation["operationId"] not in CREATE_NOTHING:
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
    filled.sender.answer = partial(answer_all, filled)
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
    for limits in (gateway.gateway.keys.access.reads, gateway.gateway.keys.access.writes):
        limits._buckets.clear()
        limits._burst, limits._rate_per_second = 0, 0.001
