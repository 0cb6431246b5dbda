"""What fuzzed applications may refuse beyond their documents stands in documents and code."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic_core.core_schema import ErrorType

from tests.fuzz import gateway, ingest
from tests.fuzz.ingest import ingest_app
from tests.fuzz.openapi import documented

ROOT = Path(__file__).parents[2]
PACKAGES = ("libs/common/common", "services/api-gateway/api_gateway", "services/ingest/ingest")
# spelled as f"{field}_exceeds_total"
MADE = frozenset({"bad_exceeds_total", "good_exceeds_total"})


@pytest.fixture(scope="module")
def source() -> str:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return "\n".join(file.read_text() for file in files)


def test_every_code_is_one_that_the_product_or_its_validation_gives(source: str) -> None:
    rules = [*gateway.EXPECTED.rules.values(), *ingest.EXPECTED.rules.values()]
    codes = frozenset().union(*rules)
    assert len(codes) > 30
    assert {code for code in codes - MADE if f'"{code}"' not in source} <= {*get_args(ErrorType)}


def test_every_operation_is_documented(gateway_document: dict[str, Any], tmp_path: Path) -> None:
    known = documented(gateway_document)
    assert gateway.EXPECTED.rules.keys() | gateway.EXPECTED.stay_readable <= known
    assert ingest.EXPECTED.rules.keys() <= documented(ingest_app(tmp_path).openapi())


def test_a_cursor_may_be_wrong_wherever_there_is_one(gateway_document: dict[str, Any]) -> None:
    with_cursor = {
        f"{method.upper()} {path}"
        for path, item in gateway_document["paths"].items()
        for method, operation in item.items()
        if "cursor" in {parameter["name"] for parameter in operation.get("parameters", ())}
    }
    rules = gateway.EXPECTED.rules
    assert with_cursor == {label for label in rules if "invalid_cursor" in rules[label]}


def test_a_free_field_is_an_object_of_any_content(gateway_document: dict[str, Any]) -> None:
    free = set()
    for schema in gateway_document["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            kinds = [field, *field.get("anyOf", ())]
            if any(kind.get("additionalProperties") for kind in kinds):
                free.add(name)
    assert free >= gateway.EXPECTED.free_fields
