"""Thousands of requests made of the document: each is answered as the document says."""

import asyncio

import pytest

from tests.fuzz.gateway import EXPECTED, filled_gateway
from tests.fuzz.openapi import PHASES, Found, documented, fuzz, unknown_refusals
from tests.support.gateway.in_memory import TOKEN

pytestmark = pytest.mark.slow

SEED = 1
EXAMPLES = 6  # for each operation and phase
LEAST_CASES = 2000


@pytest.fixture(scope="module")
def run() -> tuple[Found, set[str]]:
    app = asyncio.run(filled_gateway())
    generation = {"deterministic": True, "database": "none", "max-examples": EXAMPLES}
    return fuzz(app, TOKEN, EXPECTED, seed=SEED, generation=generation, phases=PHASES), documented(
        app
    )


def test_no_check_fails_on_any_operation(run: tuple[Found, set[str]]) -> None:
    found, operations = run
    assert found.failures == {}
    assert found.operations == operations
    assert found.cases >= LEAST_CASES
    assert found.by_status.keys() >= {200, 201, 202, 204, 401, 404, 405, 409, 415, 422}


def test_what_fits_the_schema_is_refused_by_named_rules_only(run: tuple[Found, set[str]]) -> None:
    found, _ = run
    assert unknown_refusals(found) == {}
