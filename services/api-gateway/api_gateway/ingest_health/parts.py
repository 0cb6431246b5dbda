"""What the operations on dead letters and lag stand on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from api_gateway.ingest_health.lag import LagReader, LogEnds
from api_gateway.ingest_health.ports import IngestStore
from api_gateway.ingest_health.service import DeadLetters
from common.config.clock import Clock


@dataclass(frozen=True, slots=True)
class IngestParts:
    """The store, the rules of replays, and the measurement of lag."""

    store: IngestStore
    letters: DeadLetters
    lag: LagReader

    @classmethod
    def of(cls, store: IngestStore, log_ends: LogEnds, lateness: timedelta, clock: Clock) -> Self:
        """Put the parts together on a store and a way to the logs."""
        return cls(store, DeadLetters(store, lateness), LagReader(store, log_ends, clock))
