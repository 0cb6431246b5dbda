"""What no text may hold is refused wherever it stands in a request, and nothing else is."""

import base64
import json
from typing import Any

import pytest

from tests.support.gateway.document import operations
from tests.support.gateway.harness import GatewayHarness

RULE = (
    '{"name": "half", "kind": "budget_left", "levels": [{"severity": "ticket", '
    '"at_most_ratio": 0.5}], '
)


def rule(fields: str) -> bytes:
    said = '"actor": "ana", "reason": "half of it is late enough"'
    return f'{{{said}, "rule": {RULE}{fields}}}}}'.encode()


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\udc00", r"\ude00\ud83d"])
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ('"description": "a%s"', "rule.description"),
        ('"runbook_url": "https://example.com/%s"', "rule.runbook_url"),
        ('"services": ["a", "b%s"]', "rule.services[1]"),
        ('"%s": 1', "rule"),
        ('"tiers": [{"%s": {}}]', "rule.tiers[0]"),
    ],
)
async def test_no_text_holds_what_cannot_be_stored(
    gateway: GatewayHarness, fields: str, field: str, escape: str
) -> None:
    response = await gateway.write("POST", "/api/rules", rule(fields % escape))
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    assert (error["field"], error["code"]) == (field, "invalid_character")
    assert await gateway.database.rows("SELECT * FROM catalog.alert_rules") == []


@pytest.mark.parametrize(
    ("escape", "text"), [(r"\\u0000", r"\u0000"), (r"\ud83d\ude00", "😀"), (r"\u00e9", "é")]
)
async def test_what_only_looks_like_it_is_taken(
    gateway: GatewayHarness, escape: str, text: str
) -> None:
    body = rule(f'"description": "a{escape}"')
    response = await gateway.write("POST", "/api/rules", body)
    assert response.status_code == 201, response.text
    shown: dict[str, Any] = response.json()
    assert shown["rule"]["description"] == f"a{text}"


def names_text(schema: dict[str, Any]) -> bool:
    """Tell whether a parameter is a text, and not one of some words or a number."""
    kinds = [schema, *schema.get("anyOf", ())]
    return "enum" not in schema and any(kind.get("type") == "string" for kind in kinds)


async def test_no_parameter_takes_what_no_row_can_hold(
    filled: GatewayHarness, gateway_document: dict[str, Any]
) -> None:
    asked = [
        (path.replace("{service_name}", "checkout"), parameter["name"])
        for path, method, operation in operations(gateway_document)
        for parameter in operation.get("parameters", ())
        if method == "get" and parameter["in"] == "query" and names_text(parameter["schema"])
    ]
    assert {name for _, name in asked} >= {"service", "subject", "channel", "code", "topic", "slo"}
    for path, name in asked:
        response = await filled.client.get(path, params={name: "\0"})
        assert response.status_code in {404, 422}, (path, name)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/release/checkout/history", ["\0"]),
        ("/api/release/checkout/history", ["\ud800"]),
        ("/api/ingest/dead-letters", ["2026-03-02T12:00:00Z", "\ud800"]),
        ("/api/ingest/dead-letters", ["0001-01-01T00:00:00+01:00", "0" * 32]),
    ],
)
async def test_no_cursor_holds_what_no_row_can_hold(
    gateway: GatewayHarness, path: str, key: list[str]
) -> None:
    await gateway.service()
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
    response = await gateway.client.get(path, params={"cursor": cursor})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["code"] == "invalid_cursor"


async def test_a_whole_number_with_a_point_is_an_integer(gateway: GatewayHarness) -> None:
    fields = '"kind": "good_over_total", "levels": [{"severity": "ticket", "at_least_events": 3.0}]'
    response = await gateway.write("POST", "/api/rules", rule(fields))
    assert response.status_code == 201, response.text
    assert response.json()["rule"]["levels"][0]["at_least_events"] == 3


def test_patterns_of_the_document_are_those_of_json_schema(
    gateway_document: dict[str, Any],
) -> None:
    assert r"\\Z" not in json.dumps(gateway_document)
