"""What no text may hold is refused wherever it stands in a body, and nothing else is."""

from typing import Any

import pytest

from tests.gateway import GatewayHarness

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
    assert gateway.alerts.rows.rules == {}


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
