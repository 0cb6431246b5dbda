"""Dead letters in PostgreSQL: stored with their batch, read by the gateway, sent again once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api_gateway.ingest_health.domain import DeadLetterQuery
from api_gateway.ingest_health.repository import IngestStore
from api_gateway.ingest_health.service import DeadLetterService
from common.admission.decoding import EventRejected
from common.http.problems import Problem
from common.kafka.topics import CHANGES, METRICS
from common.storage import dead_letters
from common.storage.dead_letters import DeadLetterStore, DeadRecord, dead_letter
from common.storage.outbox import Outbox
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import EVENT
from tests.support.kafka_records import record

APPENDED = datetime(2026, 3, 2, 11, 50, tzinfo=UTC)
EVERY = DeadLetterQuery(None, 100)


class Silent:
    """A publisher that has nothing to do."""

    async def send_all(self, records: Any) -> None:
        raise AssertionError(records)


class Boxes:
    """The dead letters of both consumers on one database, and the gateway's view of them."""

    def __init__(self, gateway: GatewayHarness) -> None:
        self.database, self.ingest = (
            gateway.database,
            IngestStore(gateway.database, Outbox("catalog", gateway.database, Silent())),
        )
        self.burnrate, self.gate = [
            DeadLetterStore(schema, Outbox(schema, gateway.database, Silent()))
            for schema in ("burnrate", "gate")
        ]

    async def put(self, box: DeadLetterStore, *dead: DeadRecord) -> None:
        async with self.database.write() as session:
            await box.add(session, dead, "cluster")


@pytest.fixture
def boxes(gateway: GatewayHarness) -> Boxes:
    return Boxes(gateway)


def dead(offset: int, topic: str = METRICS.name, value: bytes | None = b"{") -> DeadRecord:
    """Return a record whose letter quotes what PostgreSQL cannot hold."""
    bad = record(
        topic,
        value,
        partition=1,
        offset=offset,
        timestamp=int(APPENDED.timestamp() * 1000),
        headers=[("correlation_id", b"c\x001")],
    )
    rejection = EventRejected("bo\0dy", "invalid_json", "is no JSON")
    return DeadRecord(bad, dead_letter(bad, APPENDED, rejection))


async def test_letters_of_both_consumers_are_one_list(boxes: Boxes) -> None:
    await boxes.put(boxes.burnrate, dead(1), dead(2, value=None))
    await boxes.put(boxes.gate, dead(3, CHANGES.name))
    await boxes.put(boxes.burnrate, dead(4, value=b"\xff" * 300_000))
    async with boxes.ingest.read() as reader:
        found = await reader.dead_letters(EVERY)
        two = await reader.dead_letters(DeadLetterQuery(None, 2))
        rest = await reader.dead_letters(DeadLetterQuery((two[-1].recorded_at, two[-1].id), 2))
        changes = await reader.dead_letters(
            DeadLetterQuery(None, 9, code="invalid_json", topic=CHANGES.name)
        )
        none = await reader.dead_letters(DeadLetterQuery(None, 9, code="other"))
    assert sorted(f.record_offset for f in found) == [1, 2, 3, 4]
    assert [f.record_offset for f in found][:2] == [4, 3]
    assert two + rest == found
    assert ([f.record_offset for f in changes], none) == ([3], [])
    newest = found[0]
    assert newest.value is not None
    assert (newest.value_bytes, len(newest.value), newest.is_whole) == (300_000, 262_144, False)
    assert (newest.appended_at, newest.correlation_id) == (APPENDED, "c1")


async def test_a_letter_that_is_found_again_is_one(boxes: Boxes) -> None:
    await boxes.put(boxes.burnrate, dead(1))
    await boxes.put(boxes.burnrate, dead(1))
    async with boxes.ingest.read() as reader:
        assert len(await reader.dead_letters(EVERY)) == 1
    assert len(await boxes.database.rows("SELECT id FROM burnrate.outbox")) == 1


async def test_a_replay_is_one_record_with_its_audit(boxes: Boxes) -> None:
    await boxes.put(boxes.burnrate, dead(1))
    async with boxes.ingest.read() as reader:
        [letter] = await reader.dead_letters(EVERY)
    rules = DeadLetterService(boxes.ingest, timedelta(hours=24))
    done = await rules.replay(letter.id, EVENT, "ines", APPENDED)
    assert await rules.one(letter.id) == done
    assert (done.replayed_by, done.replayed_on_behalf_of) == ("anonymous", "ines")
    assert done.corrected
    with pytest.raises(Problem, match="was sent again by anonymous on behalf of ines"):
        await rules.replay(letter.id, EVENT, "ben", APPENDED)
    [sent] = await boxes.database.rows(
        "SELECT topic, key, partition, headers FROM catalog.outbox WHERE topic <> 'slo.audit.v1'"
    )
    assert (sent.topic, sent.key, sent.partition) == (METRICS.name, b"checkout", None)
    assert sent.headers == {
        "correlation_id": "c1",
        "forwarded_appended_at": str(int(APPENDED.timestamp() * 1000)),
        "replayed_from": letter.id,
    }
    async with boxes.ingest.read() as reader:
        waiting = {b.service: (b.waiting, b.oldest_at is None) for b in await reader.outboxes()}
    assert waiting == {
        "api-gateway": (2, False),  # the record, and where the audit ends
        "burnrate": (1, False),
        "gate": (0, True),
        "alerts": (0, True),
    }
    [entry] = await boxes.database.rows(
        "SELECT actor, on_behalf_of, subject FROM catalog.audit ORDER BY id DESC LIMIT 1"
    )
    assert tuple(entry) == ("anonymous", "ines", f"dead-letter/{letter.id}")


async def test_old_letters_and_too_many_are_forgotten(
    boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "KEPT_DEAD_LETTERS", 2)
    box = DeadLetterStore("burnrate", Outbox("burnrate", boxes.database, Silent()))
    for offset in range(4):
        await boxes.put(box, dead(offset))
    async with boxes.database.write() as session:
        await session.execute(
            text("UPDATE burnrate.dead_letter SET recorded_at = now() - interval '40 days' "
                 "WHERE record_offset = 3")
        )  # fmt: skip
        await box.purge(session, datetime.now(UTC) - timedelta(days=30))
    left = await boxes.database.rows("SELECT record_offset FROM burnrate.dead_letter ORDER BY 1")
    assert [row.record_offset for row in left] == [1, 2]


async def test_positions_are_those_of_the_ledgers(boxes: Boxes) -> None:
    async with boxes.database.write() as session:
        for schema, topic in (("burnrate", METRICS.name), ("gate", CHANGES.name)):
            await session.execute(text(f"INSERT INTO {schema}.shard VALUES (7, 3, 'c', 'host:1')"))
            await session.execute(
                text(f"INSERT INTO {schema}.shard_offset VALUES (7, :topic, 12, :at)"),
                {"topic": topic, "at": APPENDED},
            )
    async with boxes.ingest.read() as reader:
        found = await reader.positions()
    places = {(p.service, p.topic, p.shard, p.epoch, p.owner, p.next_offset) for p in found}
    assert places == {
        ("burnrate", METRICS.name, 7, 3, "host:1", 12),
        ("gate", CHANGES.name, 7, 3, "host:1", 12),
    }
