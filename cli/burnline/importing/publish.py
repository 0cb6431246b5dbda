"""From lines to records of the history topic, in order, each with its import and line."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import text

from burnline.errors import StackError
from burnline.importing.file import Classification, Good, Refused, Repeated
from common.config.settings import DatabaseSettings
from common.events import MetricEvent, encode
from common.kafka.client import Outgoing, Sender, UnknownOutcomeError
from common.kafka.headers import IMPORT_ID_HEADER, IMPORT_LINE_HEADER
from common.kafka.topics import HISTORY
from common.storage.database import Database

CHUNK: Final = 1_000
PATIENCE_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.2
SHOWN_REFUSALS: Final = 20


@dataclass(slots=True)
class Result:
    """What became of a file. `ends` is the highest offset written, by partition."""

    imported: int = 0
    repeated: int = 0
    refused: int = 0
    refusals: list[Refused] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    oldest: datetime | None = None
    newest: datetime | None = None
    ends: dict[int, int] = field(default_factory=dict)

    def note(self, classified: Classification) -> None:
        """Count a line that is not published."""
        if isinstance(classified, Repeated):
            self.repeated += 1
        elif isinstance(classified, Refused):
            self.refused += 1
            if len(self.refusals) < SHOWN_REFUSALS:
                self.refusals.append(classified)

    def published(self, events: Iterable[MetricEvent]) -> None:
        """Count events that the broker has acknowledged."""
        for event in events:
            self.imported += 1
            self.services.add(event.service)
            at = event.timestamp
            self.oldest = at if self.oldest is None else min(self.oldest, at)
            self.newest = at if self.newest is None else max(self.newest, at)


async def publish(lines: Iterable[Classification], import_id: str, publisher: Sender) -> Result:
    """Publish the good lines in order; raise StackError where Kafka stays silent too long."""
    result = Result()
    good = _good(lines, result)
    while chunk := list(islice(good, CHUNK)):
        await _send(chunk, import_id, publisher, result)
    return result


def _good(lines: Iterable[Classification], result: Result) -> Iterator[Good]:
    """Yield the good lines, note the others."""
    for classified in lines:
        if isinstance(classified, Good):
            yield classified
        else:
            result.note(classified)


async def _send(chunk: Sequence[Good], import_id: str, publisher: Sender, result: Result) -> None:
    """Send until it is acknowledged: lines that are there twice are counted once."""
    records = [_record(good, import_id) for good in chunk]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            written = await publisher.send_all(records)
        except UnknownOutcomeError as error:
            if time.monotonic() > deadline:
                raise StackError(
                    f"Kafka did not acknowledge the lines from {chunk[0].line} on ({error}): run "
                    "the same command again, what is there already is not counted twice"
                ) from error
            await asyncio.sleep(RETRY_SECONDS)
        else:
            break
    result.published(good.event for good in chunk)
    for place in written:
        result.ends[place.partition] = max(result.ends.get(place.partition, -1), place.offset)


def _record(good: Good, import_id: str) -> Outgoing:
    headers = [
        (IMPORT_ID_HEADER, import_id.encode()),
        (IMPORT_LINE_HEADER, str(good.line).encode()),
    ]
    return HISTORY.name, encode(good.event), good.event.service.encode(), None, headers


_APPLIED: Final = text("SELECT shard, next_offset FROM burnrate.shard_offset WHERE topic = :topic")


async def records_behind(database: Database, ends: dict[int, int]) -> int:
    """Return how many records up to `ends` the burn-rate consumer has not applied yet."""
    async with database.read() as session:
        rows = (await session.execute(_APPLIED, {"topic": HISTORY.name})).all()
    applied = {row.shard: row.next_offset for row in rows}
    return sum(max(0, end + 1 - applied.get(shard, 0)) for shard, end in ends.items())


async def wait_applied(database_url: str, ends: dict[int, int], timeout_seconds: float) -> bool:
    """Return whether everything up to `ends` was applied in time."""
    deadline = time.monotonic() + timeout_seconds
    settings = DatabaseSettings(DATABASE_URL=database_url)
    async with Database.opened(settings, "burnline import") as database:
        while await records_behind(database, ends):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
    return True
