"""The ingest service as it is fuzzed: its broker is a list, its clock stands still."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from common.access.key_cache import ApiKeyCache, KeyReader
from common.config.settings import AdmissionSettings
from ingest.app import create_app
from ingest.settings import IngestSettings
from tests.fuzz.openapi import Expected, refusals
from tests.support.ingest_fixtures import NOW, TOKEN, FakeBroker, NoTopic

EXPECTED: Final = Expected(refusals("ingest"))


def ingest_app(data_dir: Path) -> FastAPI:
    """Return the application."""
    given: dict[str, Any] = {"simulator_enabled": False, "api_token": TOKEN, "data_dir": data_dir}
    limits: dict[str, Any] = {"write_burst": 10**6, "writes_per_second": 10**6}
    settings = IngestSettings(**given, **limits)
    return create_app(
        settings,
        admission=AdmissionSettings(EVENT_LATENESS_HOURS=24),
        broker=FakeBroker(),
        keys=KeyReader(ApiKeyCache(), NoTopic().run),
        clock=lambda: NOW,
    )
