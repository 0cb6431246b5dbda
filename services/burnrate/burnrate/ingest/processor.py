"""A batch of records, from bytes to rows: counts, dedup keys, dead letters, forwarded records."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from burnrate.domain.batch import BatchDelta, DedupKeyKind, ImportStream
from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.aggregation import aggregate, stored_cells, stored_latency
from burnrate.ingest.blocks import Blocks
from burnrate.ingest.bulk_reader import BulkReader
from burnrate.ingest.classifier import (
    Classification,
    Misrouted,
    Rules,
    beyond_quota,
    classify,
    origin_of,
)
from burnrate.ingest.columns import Columns, Counted, columns_of, joined
from burnrate.ingest.dedup import Deduplicated, ShardDedupKeys, without_repeats
from burnrate.metrics import DEDUP_KEY_HOURS_READ, EVENTS
from burnrate.storage import repository
from common.admission.fields import APPEND_SLACK
from common.arrays import Flags
from common.config.clock import MICROSECONDS
from common.kafka.client import Record
from common.kafka.headers import (
    FORWARDED_AT_HEADER,
    FORWARDED_FROM_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
    REPLAYED_FROM_HEADER,
    SENDER_HEADER,
)
from common.ledger.dlq_limit import DlqLimit
from common.ledger.shard import Batch, RefusedError
from common.observability.logging import CORRELATION_HEADER
from common.storage.database import WriteSession
from common.storage.dead_letters import (
    DeadLetterStore,
    DeadRecord,
    kept_headers,
    milliseconds,
    record_identity,
)
from common.storage.outbox import Outbox, OutboxRecord

_FORWARDED_HEADERS = (
    CORRELATION_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
    REPLAYED_FROM_HEADER,
    SENDER_HEADER,
)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch adds to memory once it is committed, and what came of its records.

    `unreadable` is true for those that count towards the DLQ limit; `newest_micros` is the newest
    timestamp among what counts, 0 without one.
    """

    delta: BatchDelta
    unreadable: Flags
    dead: int
    repeated: int
    newest_micros: int


@dataclass(frozen=True, slots=True)
class BatchProcessor:
    """Processes the batches of one shard; all of it is released when a transaction fails.

    The DLQ limit is the exception: it outlives a refusal, or the shard would go on a little with
    every try.
    """

    series: SeriesIndex
    reader: BulkReader
    dedup_keys: ShardDedupKeys
    import_dedup_keys: ShardDedupKeys
    blocks: Blocks
    rules: Rules
    outbox: Outbox
    dead_letters: DeadLetterStore
    dlq_limit: DlqLimit

    async def process(self, session: WriteSession, batch: Batch) -> BatchResult:
        """Write all that a batch changes; raise RefusedError where too much is unreadable."""
        known = len(self.series)
        usual = self.reader.read(batch.records, self.rules)
        unreadable = np.zeros(len(batch.records), np.bool_)
        counted, dead = await self._classify_others(session, batch, usual, unreadable, known)
        columns = joined([usual, columns_of(counted, self.series)]) if counted else usual
        found = await self._deduplicate(session, columns)
        delta = aggregate(found.counted, self.series, found.repeats)
        newest_micros = int(found.counted.micros.max(initial=0))
        await self._store(session, delta, int(columns.appended_micros.max(initial=0)))
        repeated = len(columns) - len(found.counted)
        return BatchResult(delta, unreadable, dead, repeated, newest_micros)

    async def _classify_others(
        self,
        session: WriteSession,
        batch: Batch,
        usual: Columns,
        unreadable: Flags,
        known: int,
    ) -> tuple[list[tuple[int, Counted]], int]:
        """Classify what is not usual, one by one; return what counts, with its position.

        The number beside it is that of dead letters. Sets `unreadable` where a record is no event
        and its key names none of the `known` services that were counted here before: one whose
        sender is known costs that service alone, and never stops the shard.
        """
        if len(usual) == len(batch.records):
            return [], 0
        others = np.delete(np.arange(len(batch.records)), usual.position).tolist()
        found = [(i, self._classify(batch.records[i])) for i in others]
        dead = [(i, one) for i, one in found if isinstance(one, DeadRecord)]
        unreadable[[i for i, one in dead if one.is_unreadable and self._slot(one) >= known]] = True
        if reason := self.dlq_limit.refusal(unreadable):
            raise RefusedError(
                f"shard {batch.shard}: {reason}; mend the sender, or raise BURNRATE_MAX_BAD_RATIO "
                "and BURNRATE_MAX_BAD_RUN to dead-letter them"
            )
        misrouted = [one for _, one in found if isinstance(one, Misrouted)]
        await self.dead_letters.add(session, [one for _, one in dead], batch.cluster_id)
        await self.outbox.add(session, [_forwarded(m, batch.cluster_id) for m in misrouted])
        EVENTS.labels("misrouted").inc(len(misrouted))
        counted = [(i, one) for i, one in found if isinstance(one, Counted)]
        return await _without_applied_lines(session, batch.shard, counted), len(dead)

    def _slot(self, dead: DeadRecord) -> int:
        """Return the first slot of the service that the key names; beyond all without one."""
        key = dead.record.key or b""
        return self.series.services.get(key.decode(errors="replace"), len(self.series))

    def _classify(self, record: Record) -> Classification:
        """Return what the record is; an event of a new service must be within the quota."""
        found = classify(record, self.rules)
        if isinstance(found, Counted):
            self.series.admit({found.event.stream: origin_of(found.event.source, record)})
            if found.event.stream not in self.series.index:
                return beyond_quota(
                    record, found, indicators=self.series.is_full(found.event.stream)
                )
        return found

    async def _deduplicate(self, session: WriteSession, columns: Columns) -> Deduplicated:
        """Return what counts, and store its dedup keys.

        Older than the lateness bound, events come by import alone: those have keys of their own.
        """
        lateness = int((self.rules.lateness + APPEND_SLACK).total_seconds() * MICROSECONDS)
        recent = columns.identified & (columns.micros >= columns.appended_micros - lateness)
        imported = columns.identified & columns.imported
        checked = []
        for kind, keys, chosen in (
            (DedupKeyKind.RECENT, self.dedup_keys, recent),
            (DedupKeyKind.IMPORTED, self.import_dedup_keys, imported),
        ):
            if chosen.any():
                missing = keys.missing(columns, chosen)
                stored = await repository.read_dedup_keys(session, self.rules.shard, kind, missing)
                keys.put(missing, stored)
                DEDUP_KEY_HOURS_READ.inc(len(missing))
                checked.append(keys.check(columns, chosen))
                added = checked[-1].added
                await repository.add_dedup_keys(session, self.rules.shard, kind, added)
        return without_repeats(columns, checked)

    async def _store(self, session: WriteSession, delta: BatchDelta, appended_micros: int) -> None:
        shard = self.rules.shard
        cells = stored_cells(delta, self.series, appended_micros)
        missing = self.blocks.missing(cells)
        self.blocks.put(missing, await repository.read_blocks(session, shard, missing))
        await repository.store_blocks(session, shard, self.blocks.add(cells))
        await repository.add_latency(session, stored_latency(delta, appended_micros))
        await repository.update_services(session, shard, self.series, delta)


async def _without_applied_lines(
    session: WriteSession, shard: int, counted: Sequence[tuple[int, Counted]]
) -> list[tuple[int, Counted]]:
    """Leave out lines of imports that are applied already, and store how far they are now."""
    streams = {item.stream for _, item in counted if item.stream is not None}
    reached = await repository.applied_lines(session, shard, streams)
    moved: dict[ImportStream, int] = {}
    fresh = []
    for position, item in counted:
        if item.stream is not None:
            if item.line <= moved.get(item.stream, reached.get(item.stream, 0)):
                continue
            moved[item.stream] = item.line
        fresh.append((position, item))
    await repository.store_lines(session, shard, moved)
    return fresh


def _forwarded(misrouted: Misrouted, cluster_id: str) -> OutboxRecord:
    record = misrouted.record
    return OutboxRecord(
        dedup_key=f"forward:{record_identity(record, cluster_id)}",
        topic=record.topic,
        key=misrouted.service.encode(),
        value=record.value,
        partition=misrouted.shard,
        headers={
            **kept_headers(record, _FORWARDED_HEADERS),
            FORWARDED_FROM_HEADER: f"{record.partition}:{record.offset}",
            FORWARDED_AT_HEADER: str(milliseconds(misrouted.appended_at)),
        },
    )
