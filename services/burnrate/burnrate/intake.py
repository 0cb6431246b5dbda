"""A batch of records, from verdicts to rows: marks, counts, dead letters and forwarded records."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from burnrate import repository
from burnrate.judge import Counted, Misrouted, Poison, Rules, appended, by_identity, judge
from burnrate.metrics import DEAD_LETTERS, EVENTS
from burnrate.tally import Lane, Tally, stored_counts, stored_latency, tally
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


async def take_in(session: WriteSession, batch: Batch, rules: Rules, outbox: Outbox) -> Tally:
    """Write all that a batch changes; return its sums, for memory once it is committed."""
    verdicts = [judge(record, rules) for record in batch.records]
    poison = [v for v in verdicts if isinstance(v, Poison)]
    misrouted = [v for v in verdicts if isinstance(v, Misrouted)]
    counted = [v for v in verdicts if isinstance(v, Counted)]
    await outbox.add(
        session,
        [_dead_letter(p, batch.cluster_id) for p in poison]
        + [_forwarded(m, batch.cluster_id) for m in misrouted],
    )
    now = max(appended(record) for record in batch.records)
    fresh = await _without_applied_lines(session, batch.shard, counted)
    sums = await _count_once(session, batch.shard, fresh, rules.lateness)
    await repository.add_counts(session, stored_counts(sums, now))
    await repository.add_latency(session, stored_latency(sums, now))
    await repository.update_services(session, batch.shard, sums.newest, sums.oddities)
    _report(batch.records, poison, misrouted)
    return sums


async def _without_applied_lines(
    session: WriteSession, shard: int, counted: Sequence[Counted]
) -> list[Counted]:
    """Leave out lines of imports that are applied already, and store how far they are now."""
    lanes = {item.lane for item in counted if item.lane is not None}
    reached = await repository.applied_lines(session, shard, lanes)
    moved: dict[Lane, int] = {}
    fresh = []
    for item in counted:
        if item.lane is not None:
            if item.line <= moved.get(item.lane, reached.get(item.lane, 0)):
                continue
            moved[item.lane] = item.line
        fresh.append(item)
    await repository.store_lines(session, shard, moved)
    return fresh


async def _count_once(
    session: WriteSession, shard: int, counted: Sequence[Counted], lateness: timedelta
) -> Tally:
    """Return the sums of the events that were not counted before; the first of an id counts.

    Events older than the lateness bound cannot come again but by another import, so that they
    need no mark.
    """
    anonymous, first, repeats = by_identity([i for i in counted if _may_repeat(i, lateness)])
    marks = {key: (own.identity, own.item.admitted.event.timestamp) for key, own in first.items()}
    known = await repository.add_marks(session, shard, marks)
    new = [own.item for key, own in first.items() if key not in known]
    old = [i for i in counted if not _may_repeat(i, lateness)]
    sums = tally(item.admitted for item in (*anonymous, *new, *old))
    for own in (*repeats, *(first[key] for key in known)):
        key = own.identity.key
        stands = known.get(key, first[key].identity.content)
        conflict = own.identity.content != stands
        service = own.item.admitted.event.service
        sums.note(service, duplicates=1, event_id_conflicts=int(conflict))
    return sums


def _may_repeat(item: Counted, lateness: timedelta) -> bool:
    return item.admitted.event.timestamp >= item.admitted.appended_at - lateness


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


def _report(
    records: Sequence[Record], poison: Sequence[Poison], misrouted: Sequence[Misrouted]
) -> None:
    EVENTS.labels("read").inc(len(records))
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
