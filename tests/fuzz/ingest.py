"""The ingest service as it is fuzzed: its broker is a list, its clock stands still."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from common.access.key_cache import ApiKeyCache
from tests.fuzz.openapi import Expected, refusals
from tests.support.ingest_fixtures import FakeBroker, stubbed_app

EXPECTED: Final = Expected(refusals("ingest"))


def ingest_app(data_dir: Path) -> FastAPI:
    """Return the application, which bounds nobody's requests."""
    limits: dict[str, Any] = {
        "write_burst": 10**6,
        "writes_per_second": 10**6,
        "new_services_burst": 10**6,
    }
    return stubbed_app(data_dir, FakeBroker(), ApiKeyCache(), **limits)
