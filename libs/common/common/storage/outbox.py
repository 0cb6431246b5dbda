"""Publish events with a transaction: written inside it, published after it, then deleted.

Delivery is at least once: consumers drop repeats by the `dedup_key` header.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import text

from common.config.clock import system_clock
from common.kafka.client import Sender, correlation_headers
from common.runtime.failpoints import failpoint
from common.runtime.loops import every
from common.runtime.metrics import OUTBOX_AGE, OUTBOX_PUBLISHED
from common.storage.database import Database, WriteSession

log = structlog.get_logger()

DEDUP_HEADER = "dedup_key"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A record to be published; `dedup_key` is the same whenever it is written again."""

    dedup_key: str
    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Outbox:
    """Store the records of one schema with `add`, and publish them with `run`."""

    def __init__(self, schema: str, database: Database, publisher: Sender) -> None:
        self._database, self._publisher = database, publisher
        self._wake = asyncio.Event()
        self._schema = schema
        self._oldest_at: datetime | None = None
        self._lock = text("SELECT pg_try_advisory_xact_lock(hashtext(:name))")
        self._lock_name = {"name": f"{schema}.outbox"}
        self._insert = text(
            f"""INSERT INTO {schema}.outbox (dedup_key, topic, partition, key, value, headers)
            VALUES (:dedup_key, :topic, :partition, :key, :value, CAST(:headers AS jsonb))
            ON CONFLICT (dedup_key) DO NOTHING"""  # noqa: S608 - the schema is ours
        )
        self._oldest = text(
            f"""SELECT id, dedup_key, topic, partition, key, value, headers, created_at
            FROM {schema}.outbox ORDER BY id LIMIT {_BATCH}"""  # noqa: S608
        )
        self._delete = text(
            f"DELETE FROM {schema}.outbox WHERE id = ANY(CAST(:ids AS bigint[]))"  # noqa: S608
        )

    async def add(self, session: WriteSession, records: Sequence[OutboxRecord]) -> None:
        """Write the records with the transaction; call `wake` once it is committed.

        The present correlation id is added as a header, unless the record has its own.
        """
        if not records:
            return
        correlation = {name: value.decode() for name, value in correlation_headers()}
        headers = [json.dumps({**correlation, **record.headers}) for record in records]
        rows = [{**asdict(r), "headers": h} for r, h in zip(records, headers, strict=True)]
        await session.execute(self._insert, rows)

    def wake(self) -> None:
        """Publish now rather than at the next interval."""
        self._wake.set()

    async def run(self, idle_seconds: float = 1.0) -> None:
        """Publish what is written until cancelled. It outlives any error."""
        OUTBOX_AGE.labels(self._schema).set_function(self.oldest_age_seconds)
        await every(
            idle_seconds, "outbox", self._relay_all, woken=self._wake, survives=(Exception,)
        )

    def oldest_age_seconds(self) -> float:
        """Return how long the oldest record has waited, as of the last look; 0: none."""
        if self._oldest_at is None:
            return 0.0
        return max(0.0, (system_clock() - self._oldest_at).total_seconds())

    async def _relay_all(self) -> None:
        while await self._relay():
            pass

    async def _relay(self) -> bool:
        """Publish and delete the oldest records; tell whether there may be more.

        One relay at a time (the lock ends with the transaction), so that order holds.
        """
        async with self._database.write() as session:
            if not (await session.execute(self._lock, self._lock_name)).scalar_one():
                self._oldest_at = None  # whoever holds the lock knows
                return False
            rows = (await session.execute(self._oldest)).all()
            self._oldest_at = rows[0].created_at if rows else None
            if not rows:
                return False
            await self._publisher.send_all(
                [
                    (
                        row.topic,
                        row.value,
                        row.key,
                        row.partition,
                        [(DEDUP_HEADER, row.dedup_key.encode())]
                        + [(name, value.encode()) for name, value in row.headers.items()],
                    )
                    for row in rows
                ]
            )
            failpoint("outbox.after_publish")
            await session.execute(self._delete, {"ids": [row.id for row in rows]})
            failpoint("outbox.before_commit")
        OUTBOX_PUBLISHED.labels(self._schema).inc(len(rows))
        self._oldest_at = None
        return len(rows) == _BATCH
