"""A batch of the changes topic: what is stored, what is dead, and when it stops."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from common.events import ChangeEvent, DeadLetter, encode
from common.kafka.client import Record
from common.kafka.headers import SENDER_HEADER
from common.kafka.topics import CHANGES
from common.ledger.dlq_limit import DlqLimits
from common.ledger.shard import Batch, RefusedError
from common.storage.database import WriteSession
from common.storage.dead_letters import DeadRecord, appended
from common.storage.outbox import OutboxRecord
from gate.storage.repository import IdentifiedChange
from gate.work import GateWork, classify
from tests.support import kafka_records
from tests.support.consumer_runtime import consumer_runtime

SHARD = 2
APPENDED = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)


class Taken:
    """A session that takes every statement."""

    async def execute(self, *_: object) -> None:
        pass


SESSION = cast("WriteSession", Taken())


def record(value: bytes | None, offset: int = 0, *headers: tuple[str, bytes]) -> Record:
    return kafka_records.record(
        CHANGES.name,
        value,
        partition=SHARD,
        offset=offset,
        timestamp=round(APPENDED.timestamp() * 1000),
        key=b"checkout",
        headers=[("correlation_id", b"c-1"), *headers],
    )


def change(at: datetime = APPENDED, **given: Any) -> bytes:
    return encode(ChangeEvent(service="checkout", at=at, kind="deploy", **given))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null_value"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_utf8"),
        (b'{"service":"checkout"}', "missing_field"),
        (change(APPENDED - timedelta(days=90, minutes=5, seconds=1)), "timestamp_too_old"),
        (change(APPENDED + timedelta(minutes=5, seconds=1)), "timestamp_in_future"),
    ],
)
def test_wrong_content_is_a_dead_letter_with_its_place(value: bytes | None, code: str) -> None:
    found = classify(record(value, 7))
    assert isinstance(found, DeadRecord)
    dead_letter = found.letter
    assert (dead_letter.code, dead_letter.topic, dead_letter.offset) == (code, CHANGES.name, 7)
    assert (dead_letter.appended_at, dead_letter.correlation_id) == (APPENDED, "c-1")


@pytest.mark.parametrize("days", [-90, 0])
def test_a_change_is_classified_by_when_it_was_appended(days: int) -> None:
    found = classify(record(change(APPENDED + timedelta(days=days))))
    assert isinstance(found, IdentifiedChange)
    assert found.appended_at == appended(record(b""))


@pytest.mark.parametrize(
    ("sent", "sender"),
    [
        (b"key/4f1d09c2ab37", "key/4f1d09c2ab37"),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"a\0b", "ab"),
        (b"x" * 5000, "x" * 256),
    ],
)
def test_a_change_keeps_by_whose_credential_it_came(sent: bytes, sender: str) -> None:
    """Whoever writes to Kafka may send what no database holds; the shard goes on."""
    found = classify(record(change(), 0, (SENDER_HEADER, sent)))
    assert isinstance(found, IdentifiedChange)
    assert found.sender == sender


@dataclass
class Kept:
    """What was stored, and what was put into the outbox."""

    changes: list[IdentifiedChange] = field(default_factory=list)
    dead_letters: list[OutboxRecord] = field(default_factory=list)
    woken: int = 0

    async def store(self, _: WriteSession, found: Sequence[IdentifiedChange]) -> None:
        self.changes += found

    async def add(self, _: WriteSession, records: Sequence[OutboxRecord]) -> None:
        self.dead_letters += records

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    found = Kept()

    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr("gate.work.repository.store_changes", found.store)
    monkeypatch.setattr("gate.work.repository.load_decisions", nothing)
    monkeypatch.setattr("gate.work.repository.load_published", nothing)
    return found


async def work_of(kept: Kept, limits: DlqLimits) -> GateWork:
    work = GateWork(consumer_runtime("gate", outbox=kept), limits)
    await work.load(SESSION, SHARD)
    return work


def batch(*values: bytes | None) -> Batch:
    return Batch(SHARD, "cluster", [record(value, offset) for offset, value in enumerate(values)])


async def test_good_ones_are_stored_and_bad_ones_are_dead_letters(kept: Kept) -> None:
    work = await work_of(kept, DlqLimits())
    apply_to_memory = await work.apply(
        SESSION, batch(change(version="1"), b"{", change(version="2"))
    )
    assert kept.woken == 0, "before the commit nothing may be announced"
    apply_to_memory()
    assert kept.woken == 1
    assert [found.event.version for found in kept.changes] == ["1", "2"]
    [dead_letter] = kept.dead_letters
    assert dead_letter.topic == "slo.changes.v1.dlq"
    assert dead_letter.dedup_key == f"dlq:cluster:slo.changes.v1:2:1:{record(b'').timestamp}"
    assert msgspec.json.decode(dead_letter.value or b"", type=DeadLetter).code == "invalid_json"


async def test_a_shard_of_nothing_but_bad_records_stops(kept: Kept) -> None:
    work = await work_of(kept, DlqLimits(max_bad_ratio=1, max_bad_run=3))
    (await work.apply(SESSION, batch(b"{", b"{")))()
    with pytest.raises(RefusedError, match="GATE_MAX_BAD_RUN"):
        await work.apply(SESSION, batch(b"{"))
    assert len(kept.dead_letters) == 2
    work.release(SHARD)
    await work.load(SESSION, SHARD)
    with pytest.raises(RefusedError, match="3 records in a row are unreadable"):
        await work.apply(SESSION, batch(b"{"))
    (await work.apply(SESSION, batch(change())))()
    assert len(kept.changes) == 1


async def test_a_shard_that_is_given_up_is_forgotten(kept: Kept) -> None:
    work = await work_of(kept, DlqLimits())
    assert set(work.views) == {SHARD}
    work.release(SHARD)
    assert work.views == {}
