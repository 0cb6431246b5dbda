"""Thousands of requests made of the document: each is answered as the document says."""

from typing import Any

import pytest

from tests.fuzz.gateway import EXPECTED, filled_gateway
from tests.fuzz.openapi import PHASES, Found, documented, fuzz, unknown_refusals
from tests.support.gateway.harness import TOKEN

pytestmark = pytest.mark.slow

SEED = 1
EXAMPLES = 6  # for each operation and phase
LEAST_CASES = 2000


@pytest.fixture(scope="module")
def found(postgres_url: str) -> Found:
    generation = {"deterministic": True, "database": "none", "max-examples": EXAMPLES}
    with filled_gateway(postgres_url) as app:
        return fuzz(app, TOKEN, EXPECTED, seed=SEED, generation=generation, phases=PHASES)


def test_no_check_fails_on_any_operation(found: Found, gateway_document: dict[str, Any]) -> None:
    assert found.failures == {}
    assert found.operations == documented(gateway_document)
    assert found.cases >= LEAST_CASES
    assert found.by_status.keys() >= {200, 201, 202, 204, 401, 404, 405, 409, 415, 422}


def test_what_fits_the_schema_is_refused_by_named_rules_only(found: Found) -> None:
    assert unknown_refusals(found) == {}
