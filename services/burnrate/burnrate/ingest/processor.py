"""A batch of records, from verdicts to rows: marks, counts, dead letters and forwarded records."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.admitted import Counted, Lane
from burnrate.ingest.aggregation import stored_cells, stored_latency, sum_up
from burnrate.ingest.batch_delta import BatchDelta
from burnrate.ingest.bulk_reader import BulkReader
from burnrate.ingest.classifier import Misrouted, Rules, Verdict, judge, without_room
from burnrate.ingest.columns import Bools, Columns, columns_of, joined
from burnrate.ingest.dedup import Counting, ShardDedupKeys
from burnrate.metrics import EVENTS, MARK_HOURS_READ
from burnrate.storage import repository
from burnrate.storage.blocks import Blocks
from common.config.clock import MICROSECONDS
from common.kafka.client import Record
from common.kafka.headers import (
    FORWARDED_AT_HEADER,
    FORWARDED_FROM_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
    REPLAYED_FROM_HEADER,
)
from common.ledger.dlq_limit import DlqLimit
from common.ledger.shard import Batch, RefusedError
from common.observability.logging import CORRELATION_HEADER
from common.storage.database import WriteSession
from common.storage.dead_letters import (
    DeadLetterStore,
    DeadRecord,
    birth,
    kept_headers,
    log_dead_letters,
    milliseconds,
)
from common.storage.outbox import Outbox, OutboxRecord

_FORWARDED_HEADERS = (
    CORRELATION_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
    REPLAYED_FROM_HEADER,
)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch adds to memory once it is committed, and which of its records were bad.

    `newest_micros`: the newest timestamp among what counts, 0 without one.
    """

    sums: BatchDelta
    bad: Bools
    repeated: int
    newest_micros: int


@dataclass(frozen=True, slots=True)
class BatchProcessor:
    """What takes the batches of one shard in; all of it is let go when a transaction fails.

    The breaker is the exception: it outlives a refusal, or the shard would go on a little with
    every try.
    """

    series: SeriesIndex
    reader: BulkReader
    marks: ShardDedupKeys
    blocks: Blocks
    rules: Rules
    outbox: Outbox
    letters: DeadLetterStore
    breaker: DlqLimit

    async def process(self, session: WriteSession, batch: Batch) -> BatchResult:
        """Write all that a batch changes; raise RefusedError where too much of it is bad."""
        usual = self.reader.read(batch.records, self.rules)
        bad = np.zeros(len(batch.records), np.bool_)
        counted = await self._judge_others(session, batch, usual, bad)
        columns = joined([usual, columns_of(counted, self.series)]) if counted else usual
        verdict = await self._count_once(session, columns)
        sums = sum_up(verdict.counted, self.series, verdict.repeats)
        newest_micros = int(verdict.counted.micros.max(initial=0))
        await self._store(session, sums, int(columns.appended_micros.max(initial=0)))
        return BatchResult(sums, bad, len(columns) - len(verdict.counted), newest_micros)

    async def _judge_others(
        self, session: WriteSession, batch: Batch, usual: Columns, bad: Bools
    ) -> list[tuple[int, Counted]]:
        """Judge what is not usual, one by one; return what counts, with its position.

        Sets `bad` where a record is wrong.
        """
        if len(usual) == len(batch.records):
            return []
        others = np.delete(np.arange(len(batch.records)), usual.position).tolist()
        verdicts = [(i, self._judge(batch.records[i])) for i in others]
        bad[[i for i, v in verdicts if isinstance(v, DeadRecord)]] = True
        if reason := self.breaker.judge(bad):
            raise RefusedError(
                f"shard {batch.shard}: {reason}; mend the sender, or raise BURNRATE_MAX_BAD_RATIO "
                "and BURNRATE_MAX_BAD_RUN to dead-letter them"
            )
        poison = [v for _, v in verdicts if isinstance(v, DeadRecord)]
        misrouted = [v for _, v in verdicts if isinstance(v, Misrouted)]
        await self.letters.add(session, poison, batch.cluster_id)
        await self.outbox.add(session, [_forwarded(m, batch.cluster_id) for m in misrouted])
        _report(poison, misrouted)
        counted = [(i, v) for i, v in verdicts if isinstance(v, Counted)]
        return await _without_applied_lines(session, batch.shard, counted)

    def _judge(self, record: Record) -> Verdict:
        """Return what the record is; the first events of a service need room for it."""
        verdict = judge(record, self.rules)
        if isinstance(verdict, Counted):
            name = verdict.admitted.event.service
            self.series.admit([name])
            if name not in self.series.index:
                return without_room(record, verdict.admitted)
        return verdict

    async def _count_once(self, session: WriteSession, columns: Columns) -> Counting:
        """Mark what is new.

        Events older than the lateness bound cannot come again but by another import, so that they
        need no mark.
        """
        lateness = int(self.rules.lateness.total_seconds() * MICROSECONDS)
        may_repeat = columns.identified & (columns.micros >= columns.appended_micros - lateness)
        judged = columns if may_repeat.all() else replace(columns, identified=may_repeat)
        shard, missing = self.rules.shard, self.marks.missing(judged)
        self.marks.put(missing, await repository.read_dedup_keys(session, shard, missing))
        MARK_HOURS_READ.inc(len(missing))
        verdict = self.marks.count_once(judged)
        await repository.add_dedup_keys(session, shard, verdict.added)
        return verdict

    async def _store(self, session: WriteSession, sums: BatchDelta, appended_micros: int) -> None:
        shard = self.rules.shard
        cells = stored_cells(sums, self.series, appended_micros)
        missing = self.blocks.missing(cells)
        self.blocks.put(missing, await repository.read_blocks(session, shard, missing))
        await repository.store_blocks(session, shard, self.blocks.add(cells))
        await repository.add_latency(session, stored_latency(sums, appended_micros))
        await repository.update_services(session, shard, self.series.index, sums)


async def _without_applied_lines(
    session: WriteSession, shard: int, counted: Sequence[tuple[int, Counted]]
) -> list[tuple[int, Counted]]:
    """Leave out lines of imports that are applied already, and store how far they are now."""
    lanes = {item.lane for _, item in counted if item.lane is not None}
    reached = await repository.applied_lines(session, shard, lanes)
    moved: dict[Lane, int] = {}
    fresh = []
    for position, item in counted:
        if item.lane is not None:
            if item.line <= moved.get(item.lane, reached.get(item.lane, 0)):
                continue
            moved[item.lane] = item.line
        fresh.append((position, item))
    await repository.store_lines(session, shard, moved)
    return fresh


def _forwarded(misrouted: Misrouted, cluster_id: str) -> OutboxRecord:
    record = misrouted.record
    place = f"{record.partition}:{record.offset}"
    return OutboxRecord(
        dedup_key=f"forward:{birth(record, cluster_id)}",
        topic=record.topic,
        key=misrouted.service.encode(),
        value=record.value,
        partition=misrouted.shard,
        headers={
            **kept_headers(record, _FORWARDED_HEADERS),
            FORWARDED_FROM_HEADER: place,
            FORWARDED_AT_HEADER: str(milliseconds(misrouted.appended_at)),
        },
    )


def _report(poison: Sequence[DeadRecord], misrouted: Sequence[Misrouted]) -> None:
    EVENTS.labels("misrouted").inc(len(misrouted))
    log_dead_letters([p.letter for p in poison])
