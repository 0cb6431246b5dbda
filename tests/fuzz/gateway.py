"""The gateway as it is fuzzed: in memory, filled, patient with writes and quick to answer."""

from typing import Any, Final

from fastapi import FastAPI

from tests.burn_events import PARTITIONS
from tests.gateway import TOKEN, MemoryStore
from tests.gateway_fixtures import gateway_on
from tests.gateway_rows import answer_all, fill

SETTINGS: Final[dict[str, Any]] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "partitions": PARTITIONS,
    "api_token": TOKEN,
    "ready_seconds": 0,
    "compute_timeout_seconds": 5,
    "override_visible_seconds": 0.001,
    "channel_test_timeout_seconds": 0.001,
    "write_burst": 10**6,
    "writes_per_second": 10**6,
    "read_burst": 10**6,
    "reads_per_second": 10**6,
}
_CURSOR: Final = frozenset({"invalid_cursor"})
_RULE: Final = frozenset({"invalid_rule"})
_SECRETS: Final = frozenset({"missing", "unknown_field"})
RULES_BEYOND_SCHEMA: Final[dict[str, frozenset[str]]] = {
    "GET /api/alerts": _CURSOR,
    "GET /api/alerts/{service_name}": _CURSOR,
    "GET /api/audit": _CURSOR,
    "GET /api/burn": _CURSOR,
    "GET /api/burn/{service_name}": frozenset({"empty_span", "invalid_step", "unknown_target"}),
    "GET /api/changes": frozenset({"empty_span", "invalid_cursor"}),
    "GET /api/decisions": _CURSOR,
    "GET /api/forecast/{service_name}": frozenset({"unknown_target"}),
    "GET /api/ingest/dead-letters": _CURSOR,
    "GET /api/notifications": _CURSOR,
    "GET /api/release/{service_name}/history": _CURSOR,
    "GET /api/release/{service_name}/override": _CURSOR,
    "GET /api/services": _CURSOR,
    "GET /api/silences": _CURSOR,
    "GET /api/summary/heatmap": frozenset({"empty_span", "invalid_step"}),
    "PATCH /api/rules/{name}": _RULE,
    "POST /api/channels": _SECRETS,
    "POST /api/ingest/dead-letters/{id}/replay": frozenset({"missing_field"}),
    "POST /api/release/{service_name}/override": frozenset({"not_applicable"}),
    "POST /api/rules": _RULE,
    "POST /api/silences": frozenset(
        {"ends_before_it_starts", "ends_too_late", "matches_everything", "one_end"}
    ),
    "POST /api/slo/{service_name}/targets": frozenset(
        {
            "differs_from_path",
            "invalid_objective",
            "missing",
            "not_applicable",
            "too_many_decimal_places",
        }
    ),
    "PUT /api/channels/{id}": _SECRETS,
    "PUT /api/policies/{name}": frozenset(
        {"default_applies_to_all", "differs_from_path", "extra_forbidden"}
    ),
    "PUT /api/services/{name}": frozenset({"differs_from_path"}),
    "PUT /api/slo/targets/{id}": frozenset(
        {
            "differs_from_path",
            "invalid_objective",
            "missing",
            "not_applicable",
            "too_many_decimal_places",
        }
    ),
}
"""Codes by which a request that fits the schema may still be refused, by operation.

They compare two fields, or a field with what is stored, or what only a decoder of it can tell.
"""


async def filled_gateway() -> FastAPI:
    """Return the application, with something of each kind, whose shards answer commands."""
    async with gateway_on(SETTINGS, MemoryStore()) as gateway:
        await fill(gateway)

    async def answer(command: bytes) -> None:
        await answer_all(gateway, command)

    gateway.sender.answer = answer
    return gateway.app
