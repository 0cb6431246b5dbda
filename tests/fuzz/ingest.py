"""The ingest service as it is fuzzed: its broker is a list, its clock stands still."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from common.access.key_reader import KeyReader
from common.access.key_ring import KeyRing
from common.settings import AdmissionSettings
from ingest.app import create_app
from ingest.settings import IngestSettings
from tests.ingest_fixtures import NOW, TOKEN, FakeBroker, NoTopic

_TIMES: Final = frozenset({"timestamp_in_future", "timestamp_too_late", "timestamp_too_old"})
_LINES: Final = frozenset({"invalid_json", "invalid_type", "missing_field"})
RULES_BEYOND_SCHEMA: Final[dict[str, frozenset[str]]] = {
    "POST /v1/events": frozenset(
        {
            "bad_exceeds_total",
            "good_exceeds_total",
            "invalid_latency_bounds",
            "latency_counts_mismatch",
            "latency_sum_mismatch",
        }
    )
    | _TIMES
    | _LINES,
    "POST /v1/changes": frozenset({"invalid_url"}) | _TIMES | _LINES,
}
"""Codes by which a request that fits the schema may still be refused: fields that are compared,
the time of arrival, and lines of text that are no JSON or no event."""


def ingest_app(data_dir: Path) -> FastAPI:
    """Return the application."""
    given: dict[str, Any] = {"simulator_enabled": False, "api_token": TOKEN, "data_dir": data_dir}
    limits: dict[str, Any] = {"write_burst": 10**6, "writes_per_second": 10**6}
    settings = IngestSettings(**given, **limits)
    return create_app(
        settings,
        admission=AdmissionSettings(EVENT_LATENESS_HOURS=24),
        broker=FakeBroker(),
        keys=KeyReader(KeyRing(), NoTopic()),
        clock=lambda: NOW,
    )
