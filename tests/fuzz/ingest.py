"""The ingest service as it is fuzzed: its broker is a list, its clock stands still."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from common.access.key_cache import ApiKeyCache, KeyReader
from common.config.settings import AdmissionSettings
from ingest.app import create_app
from ingest.settings import IngestSettings
from tests.fuzz.openapi import Expected
from tests.support.ingest_fixtures import NOW, TOKEN, FakeBroker, NoTopic

_TIMES: Final = frozenset({"invalid_timestamp", "timestamp_in_future", "timestamp_too_old"})
_BODIES: Final = frozenset({"event_too_large", "reserved_service_name"})
_LINES: Final = frozenset(
    {"invalid_json", "invalid_type", "missing_field", "not_a_number", "unknown_field"}
)
_RULES: Final[dict[str, frozenset[str]]] = {
    "POST /v1/events": frozenset(
        {
            "bad_exceeds_total",
            "good_exceeds_total",
            "invalid_latency_bounds",
            "latency_counts_mismatch",
        }
    )
    | _TIMES
    | _BODIES
    | _LINES,
    "POST /v1/changes": frozenset({"invalid_url"}) | _TIMES | _BODIES | _LINES,
}
"""Codes by which a request that fits the schema may still be refused.

Fields that are compared, the time of arrival, times that no calendar of Python has, the size of an
event, names that the API keeps for itself, white space that only Python calls so (U+0085 in an
address), and lines of text that are no JSON or no event.
"""
EXPECTED: Final = Expected(_RULES)


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
