"""Dead letters, ledger positions and log ends in memory, for a gateway without servers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiokafka import TopicPartition

from api_gateway.ingest_health.domain import Letter, Redelivery
from api_gateway.ingest_health.ports import LetterQuery, OutboxBacklog, ShardPosition
from common.kafka.log_ends import LogEnd
from common.kafka.topics import METRICS
from common.storage.audit import AuditEvent
from tests.support.burn_events import NOW
from tests.support.gateway.in_memory import MemoryStore

LETTER_ID = "00000000000000000000000000000001"


def letter(number: int = 1, **fields: Any) -> Letter:
    """Return a letter; a greater number is newer."""
    value = b'{"service":"checkout","source":"edge"}'
    base = Letter(
        id=f"{number:032x}",
        recorded_at=NOW - timedelta(minutes=10) + timedelta(seconds=number),
        code="missing_field",
        field="total",
        detail="is required",
        topic=METRICS.name,
        partition=2,
        record_offset=40 + number,
        appended_at=NOW - timedelta(minutes=11),
        value=value,
        value_bytes=len(value),
        correlation_id="c-1",
    )
    return replace(base, **fields)


class MemoryIngest:
    """Keeps letters and positions; fails whenever the catalog's store does."""

    def __init__(self, catalog: MemoryStore) -> None:
        self.letters: dict[str, Letter] = {}
        self.positions: list[ShardPosition] = []
        self.outboxes = [OutboxBacklog("api-gateway", 0, None)]
        self.sent: list[Redelivery] = []
        self.audited: list[AuditEvent] = []
        self._outage = catalog.outage

    def keep(self, *letters: Letter) -> None:
        self.letters |= {found.id: found for found in letters}

    @asynccontextmanager
    async def read(self) -> AsyncIterator["MemoryIngestSession"]:
        self._outage.check()
        yield MemoryIngestSession(self)

    write = read


class MemoryIngestSession:
    """Reads and writes what is kept."""

    def __init__(self, kept: MemoryIngest) -> None:
        self._kept = kept

    async def letters(self, query: LetterQuery) -> list[Letter]:
        found = sorted(self._kept.letters.values(), key=lambda n: (n.recorded_at, n.id))
        return [
            one
            for one in reversed(found)
            if (query.before is None or (one.recorded_at, one.id) < query.before)
            and query.code in {None, one.code}
            and query.topic in {None, one.topic}
        ][: query.limit]

    async def letter(self, letter_id: str) -> Letter | None:
        return self._kept.letters.get(letter_id)

    async def positions(self) -> list[ShardPosition]:
        return self._kept.positions

    async def outboxes(self) -> list[OutboxBacklog]:
        return self._kept.outboxes

    async def replay(
        self,
        found: Letter,
        sent: Redelivery,
        event: AuditEvent,
        corrected: bool,  # noqa: FBT001 - a column's value
    ) -> Letter:
        done = replace(found, replayed_at=event.at, replayed_by=event.actor, corrected=corrected)
        self._kept.letters[found.id] = done
        self._kept.sent.append(sent)
        self._kept.audited.append(event)
        return done


class MemoryLogs:
    """The ends of logs; `failure` is raised when they are asked for."""

    def __init__(self) -> None:
        self.known: dict[TopicPartition, LogEnd] = {}
        self.failure: Exception | None = None
        self.asked: list[dict[TopicPartition, int]] = []

    async def ends(
        self, topics: Sequence[str], next_offsets: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, LogEnd]:
        if self.failure:
            raise self.failure
        self.asked.append(dict(next_offsets))
        return {tp: end for tp, end in self.known.items() if tp.topic in topics}
