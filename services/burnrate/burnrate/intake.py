"""A batch of records, from verdicts to rows: marks, counts, dead letters and forwarded records."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import structlog

from burnrate import repository
from burnrate.batch_sums import BatchSums
from burnrate.blocks import Blocks
from burnrate.columns import Columns, columns_of, joined
from burnrate.fast_reader import FastReader
from burnrate.judge import Counted, Lane, Misrouted, Poison, Rules, judge
from burnrate.marks import ShardMarks, Verdict
from burnrate.metrics import DEAD_LETTERS, EVENTS
from burnrate.slots import Slots
from burnrate.tally import stored_cells, stored_latency, sum_up
from common.clock import MICROSECONDS
from common.database import WriteSession
from common.events import encode
from common.headers import (
    FORWARDED_AT_HEADER,
    FORWARDED_FROM_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
)
from common.kafka import Record, header
from common.ledger import Batch
from common.logging import CORRELATION_HEADER
from common.outbox import Outbox, OutboxRecord

log = structlog.get_logger()

_DEAD_TOPIC_SUFFIX = ".dlq"
_KEY_BYTES = 1_024
_HEADER_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Intake:
    """What takes the batches of one shard in; all of it is let go when a transaction fails."""

    slots: Slots
    reader: FastReader
    marks: ShardMarks
    blocks: Blocks
    rules: Rules
    outbox: Outbox

    async def take_in(self, session: WriteSession, batch: Batch) -> BatchSums:
        """Write all that a batch changes; return its sums, for memory once it is committed."""
        usual = self.reader.read(batch.records, self.rules)
        counted = await self._judge_others(session, batch, usual)
        columns = joined([usual, columns_of(counted, self.slots)]) if counted else usual
        verdict = await self._count_once(session, columns)
        sums = sum_up(verdict.counted, self.slots, verdict.repeats)
        newest = int(columns.appended_micros.max(initial=0))
        await self._store(session, sums, newest)
        EVENTS.labels("read").inc(len(batch.records))
        return sums

    async def _judge_others(
        self, session: WriteSession, batch: Batch, usual: Columns
    ) -> list[tuple[int, Counted]]:
        """Judge what is not usual, one by one; return what counts, with its position."""
        if len(usual) == len(batch.records):
            return []
        others = np.delete(np.arange(len(batch.records)), usual.position).tolist()
        verdicts = [(i, judge(batch.records[i], self.rules)) for i in others]
        poison = [v for _, v in verdicts if isinstance(v, Poison)]
        misrouted = [v for _, v in verdicts if isinstance(v, Misrouted)]
        await self.outbox.add(
            session,
            [_dead_letter(p, batch.cluster_id) for p in poison]
            + [_forwarded(m, batch.cluster_id) for m in misrouted],
        )
        _report(poison, misrouted)
        counted = [(i, v) for i, v in verdicts if isinstance(v, Counted)]
        return await _without_applied_lines(session, batch.shard, counted)

    async def _count_once(self, session: WriteSession, columns: Columns) -> Verdict:
        """Mark what is new.

        Events older than the lateness bound cannot come again but by another import, so that they
        need no mark.
        """
        lateness = int(self.rules.lateness.total_seconds() * MICROSECONDS)
        may_repeat = columns.identified & (columns.micros >= columns.appended_micros - lateness)
        judged = columns if may_repeat.all() else replace(columns, identified=may_repeat)
        shard, missing = self.rules.shard, self.marks.missing(judged)
        self.marks.put(missing, await repository.read_marks(session, shard, missing))
        verdict = self.marks.count_once(judged)
        await repository.add_marks(session, shard, verdict.added)
        return verdict

    async def _store(self, session: WriteSession, sums: BatchSums, appended_micros: int) -> None:
        shard = self.rules.shard
        cells = stored_cells(sums, self.slots, appended_micros)
        missing = self.blocks.missing(cells)
        self.blocks.put(missing, await repository.read_blocks(session, shard, missing))
        await repository.store_blocks(session, shard, self.blocks.add(cells))
        await repository.add_latency(session, stored_latency(sums, appended_micros))
        await repository.update_services(session, shard, self.slots.index, sums)


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


def _dead_letter(poison: Poison, cluster_id: str) -> OutboxRecord:
    record = poison.record
    return OutboxRecord(
        dedup_key=f"dlq:{cluster_id}:{record.topic}:{record.partition}:{record.offset}",
        topic=record.topic + _DEAD_TOPIC_SUFFIX,
        key=record.key[:_KEY_BYTES] if record.key else None,
        value=encode(poison.letter),
        headers={"code": poison.letter.code, **_kept(record, (CORRELATION_HEADER,))},
    )


def _forwarded(misrouted: Misrouted, cluster_id: str) -> OutboxRecord:
    record = misrouted.record
    place = f"{record.partition}:{record.offset}"
    return OutboxRecord(
        dedup_key=f"forward:{cluster_id}:{record.topic}:{place}",
        topic=record.topic,
        key=misrouted.service.encode(),
        value=record.value,
        partition=misrouted.shard,
        headers={
            **_kept(record, (CORRELATION_HEADER, IMPORT_ID_HEADER, IMPORT_LINE_HEADER)),
            FORWARDED_FROM_HEADER: place,
            FORWARDED_AT_HEADER: str(_milliseconds(misrouted.appended_at)),
        },
    )


def _kept(record: Record, names: Sequence[str]) -> dict[str, str]:
    """Return the named headers, as far as PostgreSQL can hold them; others are not ours."""
    found = {name: (header(record, name) or "").replace("\0", "") for name in names}
    return {name: value[:_HEADER_LENGTH] for name, value in found.items() if value}


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _report(poison: Sequence[Poison], misrouted: Sequence[Misrouted]) -> None:
    EVENTS.labels("misrouted").inc(len(misrouted))
    for code, times in Counter(p.letter.code for p in poison).items():
        DEAD_LETTERS.labels(code).inc(times)
    for p in poison:
        log.warning(
            "dead_letter",
            code=p.letter.code,
            field=p.letter.field,
            topic=p.letter.topic,
            partition=p.letter.partition,
            offset=p.letter.offset,
            correlation_id=p.letter.correlation_id,
        )
