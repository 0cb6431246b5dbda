"""Requests made of ingest's document: each is answered as the document says."""

from pathlib import Path

import pytest

from tests.fuzz.ingest import EXPECTED, ingest_app
from tests.fuzz.openapi import PHASES, documented, fuzz, unknown_refusals
from tests.support.ingest_fixtures import TOKEN

pytestmark = pytest.mark.slow


def test_no_check_fails_on_any_operation(tmp_path: Path) -> None:
    app = ingest_app(tmp_path)
    generation = {"deterministic": True, "database": "none", "max-examples": 30}
    found = fuzz(app, TOKEN, EXPECTED, seed=1, generation=generation, phases=PHASES)
    assert found.failures == {}
    assert unknown_refusals(found) == {}
    assert found.operations == documented(app.openapi())
    assert found.cases >= 300
