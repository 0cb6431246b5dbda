"""What the operations on dead letters and lag answer, for the contract's tests."""

from datetime import timedelta
from typing import Any, Final

from aiokafka import TopicPartition

from common.kafka.log_ends import LogEnd
from common.kafka.topics import METRICS
from tests.support.burn_events import NOW
from tests.support.gateway.in_memory import GatewayHarness
from tests.support.gateway.ingest_health import LETTER_ID, letter

OPERATIONS: Final = {"list_dead_letters", "get_dead_letter", "replay_dead_letter", "get_lag"}
CREATE_NOTHING: Final = {"replay_dead_letter"}

EVENT: Final = {
    "service": "checkout",
    "source": "edge",
    "timestamp": (NOW - timedelta(minutes=12)).isoformat(),
    "total": 9,
    "bad": 1,
}
ONE: Final = f"/api/ingest/dead-letters/{LETTER_ID}"
REPLAY: Final = f"{ONE}/replay"
UNKNOWN: Final = f"/api/ingest/dead-letters/{'f' * 32}"
GOOD: Final[list[tuple[str, str, str, Any]]] = [
    ("list_dead_letters", "GET", "/api/ingest/dead-letters?limit=1", None),
    ("list_dead_letters", "GET", "/api/ingest/dead-letters?code=invalid_json", None),
    ("get_dead_letter", "GET", ONE, None),
    ("replay_dead_letter", "POST", REPLAY, {"actor": "ines", "event": EVENT}),
    ("get_lag", "GET", "/api/ingest/lag", None),
]
BAD: Final[list[tuple[str, str, str, Any, int]]] = [
    ("list_dead_letters", "GET", "/api/ingest/dead-letters?cursor=x", None, 422),
    ("list_dead_letters", "GET", f"/api/ingest/dead-letters?code={'x' * 65}", None, 422),
    ("get_dead_letter", "GET", UNKNOWN, None, 404),
    ("get_dead_letter", "GET", "/api/ingest/dead-letters/x", None, 422),
    ("replay_dead_letter", "POST", f"{UNKNOWN}/replay", {"actor": "ines"}, 404),
    ("replay_dead_letter", "POST", REPLAY, {"actor": "ines"}, 422),
    ("replay_dead_letter", "POST", REPLAY, {"event": EVENT}, 422),
]


def fill(gateway: GatewayHarness) -> None:
    """Keep letters, one more than a page of one row."""
    gateway.ingest.keep(letter(1), letter(2))
    gateway.logs.known = {TopicPartition(METRICS.name, 1): LogEnd(0, 5, 5, NOW)}
