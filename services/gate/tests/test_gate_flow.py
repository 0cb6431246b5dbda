"""From burn rates, configuration and changes on Kafka to stored and published decisions."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from msgspec.structs import replace

from common.events import (
    BurnRateSnapshot,
    ChangeEvent,
    Event,
    GateDecision,
    ServiceChanged,
    ShardHeartbeat,
    SloStatus,
    encode,
)
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES, CATALOG, CHANGES, CHANGES_DEAD, DECISIONS, POLICIES
from common.slo.vocabulary import RiskLevel
from common.storage.database import Database
from gate.app import Gate
from gate.domain.records import replay
from gate.settings import AllSettings
from gate.storage import repository
from tests.support.burnrate_service import (
    SHARDS,
    boot,
    eventually,
    publish,
    publish_in_order,
    query,
    read_topic,
    url,
)
from tests.support.gate_inputs import SERVICE, at_level, burning_at, override, snapshot
from tests.support.gate_service import (
    gate,
    gate_process,
    gate_settings,
)

SHARD = shard_of(SERVICE, SHARDS)
NEVER_REPORTED = "cart"


class DecisionLog:
    """Every decision that was published, in order; read in the background."""

    def __init__(self) -> None:
        self.all: list[GateDecision] = []

    def newest(self, service_name: str) -> GateDecision | None:
        """Return the newest decision on a service."""
        mine = (d for d in reversed(self.all) if d.service_name == service_name)
        return next(mine, None)

    def feature(self, service_name: str) -> str | None:
        """Return what holds for features without an override."""
        decision = self.newest(service_name)
        if decision is None:
            return None
        plain = [v for v in decision.verdicts if v.override_id is None]
        return plain[0].decision


@asynccontextmanager
async def decisions(bootstrap: str) -> AsyncIterator[DecisionLog]:
    """Give the log of decisions from now on."""
    log = DecisionLog()
    consumer = AIOKafkaConsumer(
        DECISIONS.name,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()

    async def read() -> None:
        async for record in consumer:
            log.all.append(msgspec.json.decode(record.value or b"", type=GateDecision))

    task = asyncio.create_task(read())
    try:
        yield log
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return gate_settings(new_database(), fresh_topics, GATE_HEARTBEAT_SECONDS="1")


async def burn(settings: AllSettings, slos: Sequence[SloStatus], epoch: int = 1) -> None:
    """Publish what burnrate would: a snapshot of now, and a heartbeat of its shard."""
    now = datetime.now(UTC)
    taken: BurnRateSnapshot = replace(snapshot(slos, at=now, epoch=epoch), shard=SHARD)
    beat = ShardHeartbeat(SHARD, epoch, now, now, services=1)
    pair: list[tuple[str, Event]] = [(SERVICE, taken), (f"shard/{SHARD}", beat)]
    await publish_in_order(boot(settings), BURNRATES, SHARD, pair)


async def declare(settings: AllSettings, name: str, revision: int = 1, **given: Any) -> None:
    change = ServiceChanged(
        **{
            "revision": revision,
            "id": revision,
            "name": name,
            "tier": 1,
            "owner": "team",
            "description": None,
            "retired": False,
            **given,
        }
    )
    await publish_in_order(boot(settings), CATALOG, 0, [(f"service/{name}", change)])


async def stored(settings: AllSettings) -> list[str]:
    rows = await query(url(settings), "SELECT decision_id FROM gate.decision ORDER BY 1")
    return [row["decision_id"] for row in rows]


async def test_from_a_snapshot_to_a_decision_and_back(settings: AllSettings) -> None:
    await declare(settings, SERVICE)
    await declare(settings, NEVER_REPORTED, revision=2)
    async with decisions(boot(settings)) as log:
        async with gate(settings):
            await burn(settings, [at_level(RiskLevel.SAFE)])
            await eventually(lambda: seen(log, SERVICE), "ALLOW")
            await eventually(lambda: seen(log, NEVER_REPORTED), "UNKNOWN")
            unknown = log.newest(NEVER_REPORTED)
            assert unknown is not None
            assert not any(verdict.allowed for verdict in unknown.verdicts)
            began = datetime.now(UTC)
            await burn(settings, [at_level(RiskLevel.FREEZE)])
            await eventually(lambda: seen(log, SERVICE), "BLOCK")
            blocked = log.newest(SERVICE)
            assert blocked is not None
            assert blocked.evaluated_at - began < timedelta(seconds=1)
            assert blocked.expires_at - blocked.evaluated_at == timedelta(seconds=30)
            ends_at = datetime.now(UTC) + timedelta(seconds=3)
            changed = override(expires_at=ends_at)
            await publish_in_order(boot(settings), POLICIES, 0, [("override/1", changed)])
            await eventually(lambda: overrides(log), [1])
            await eventually(lambda: overrides(log), [])
            ended = next(d for d in log.all if d.evaluated_at >= ends_at)
            assert ended.evaluated_at - ends_at < timedelta(seconds=1)
            await declare(settings, NEVER_REPORTED, revision=3, retired=True)
        before, count = await stored(settings), len(log.all)
        async with gate(settings):
            await burn(settings, [at_level(RiskLevel.FREEZE)])
            await eventually(lambda: confirmations(log, count), 2)
        await every_decision_is_made_again(settings)
    last = log.newest(SERVICE)
    assert last is not None
    assert last.epoch > blocked.epoch
    assert await stored(settings) == before, "a restart is no new decision"
    after = [d for d in log.all[count:] if d.service_name == NEVER_REPORTED]
    assert after == []
    assert replay_command(settings, before[-1]) == (0, True)


async def seen(log: DecisionLog, service_name: str) -> str | None:
    return log.feature(service_name)


async def overrides(log: DecisionLog) -> list[int]:
    decision = log.newest(SERVICE)
    assert decision is not None
    return sorted({v.override_id for v in decision.verdicts if v.override_id is not None})


async def confirmations(log: DecisionLog, count: int) -> int:
    """Return how often the decision has come since, two at most."""
    return min(2, len([d for d in log.all[count:] if d.service_name == SERVICE]))


async def every_decision_is_made_again(settings: AllSettings) -> None:
    database = Database.connect(settings.database, "test")
    try:
        for name in await stored(settings):
            async with database.read() as session:
                record = await repository.load_record(session, name)
            assert record is not None
            assert replay(record).is_same
    finally:
        await database.close()


def replay_command(settings: AllSettings, name: str) -> tuple[int, bool]:
    done = subprocess.run(
        [sys.executable, "-m", "burnline.main", "gate", "replay", name, "--format", "json"],
        env={"DATABASE_URL": url(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)["same"]


async def test_a_silent_owner_and_old_snapshots_are_not_known(settings: AllSettings) -> None:
    """State topics that were there before the gate prove nothing about now."""
    old = datetime.now(UTC) - timedelta(minutes=10)
    taken = replace(snapshot([burning_at(0.5)], at=old), shard=SHARD)
    beat = ShardHeartbeat(SHARD, 1, old, old, services=1)
    levels: list[tuple[str, Event]] = [(SERVICE, taken), (f"shard/{SHARD}", beat)]
    await publish_in_order(boot(settings), BURNRATES, SHARD, levels)
    async with decisions(boot(settings)) as log, gate(settings):
        await eventually(lambda: seen(log, SERVICE), "UNKNOWN")
        assert log.all[0].verdicts[0].reasons[0].code == "shard_silent"
        await burn(settings, [burning_at(0.5)], epoch=2)
        await eventually(lambda: seen(log, SERVICE), "ALLOW")


async def test_a_decision_that_was_stored_but_not_sent_is_sent_by_the_next_process(
    settings: AllSettings, tmp_path: Path
) -> None:
    await declare(settings, SERVICE)
    await burn(settings, [at_level(RiskLevel.SAFE)])
    killing = "decider.after_store:1:KILL"
    async with decisions(boot(settings)) as log:
        with gate_process(settings, tmp_path, killing) as first:
            assert await first.wait_ended() == -9
        assert log.all == []
        [kept] = await stored(settings)
        with gate_process(settings, tmp_path):
            await eventually(lambda: seen(log, SERVICE), "ALLOW")
    assert log.all[0].decision_id == kept
    assert log.all[0].evaluated_at > log.all[0].decided_at
    assert await stored(settings) == [kept]


def change(number: int, **given: Any) -> ChangeEvent:
    at = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
    fields = {"service": SERVICE, "at": at, "kind": "deploy", "version": str(number), **given}
    return ChangeEvent(**fields)


def change_records(named: int, anonymous: int) -> list[bytes | None]:
    now = datetime.now(UTC)
    by_id = [change(n, at=now, source="ci", event_id=f"run-{n}") for n in range(named)]
    by_content = [change(n, at=now) for n in range(anonymous)]
    return [encode(event) for event in (*by_id, *by_content)]


async def changes(settings: AllSettings) -> tuple[int, int]:
    rows = await query(url(settings), "SELECT count(*), count(DISTINCT identity) FROM gate.changes")
    return rows[0][0], rows[0][1]


async def dead_letters(settings: AllSettings) -> list[str]:
    return [letter["code"] for letter in await read_topic(boot(settings), CHANGES_DEAD.name)]


async def test_changes_are_stored_once_whatever_is_killed(
    settings: AllSettings, tmp_path: Path
) -> None:
    good = change_records(30, 10)
    old = encode(change(1, at=datetime.now(UTC) - timedelta(days=100)))
    bad: list[bytes | None] = [None, b"\xff", b"{}", old]
    await publish(boot(settings), [*good, *bad, *good], topic=CHANGES.name, partition=SHARD)
    killing = "ledger.after_apply:1:KILL"
    with gate_process(settings, tmp_path, killing) as first:
        assert await first.wait_ended() == -9
    assert await changes(settings) == (0, 0), "what was killed has left nothing"
    with gate_process(settings, tmp_path):
        await eventually(lambda: changes(settings), (40, 40))
        await eventually(lambda: letters_count(settings), len(bad))
        # another shard may write the same change: it is one row all the same
        await publish(boot(settings), good, topic=CHANGES.name, partition=(SHARD + 1) % SHARDS)
        await publish(
            boot(settings), [encode(change(99, at=datetime.now(UTC)))], topic=CHANGES.name
        )
        await eventually(lambda: changes(settings), (41, 41))
    assert await dead_letters(settings) == [
        "null_value",
        "invalid_utf8",
        "missing_field",
        "timestamp_too_old",
    ]


@pytest.fixture
def easily_stopped(settings: AllSettings) -> AllSettings:
    """Settings under which three bad changes in a row are too many."""
    return gate_settings(url(settings), boot(settings), GATE_MAX_BAD_RUN="3")


async def test_a_stopped_topic_of_changes_stops_no_decision(
    easily_stopped: AllSettings,
) -> None:
    """Too much of what comes is bad: changes of the shard wait for somebody, decisions do not."""
    settings = easily_stopped
    await publish(boot(settings), [b"{"] * 5, topic=CHANGES.name, partition=SHARD)
    async with decisions(boot(settings)) as log, gate(settings) as service:
        await burn(settings, [at_level(RiskLevel.SAFE)])
        await eventually(lambda: seen(log, SERVICE), "ALLOW")
        await eventually(lambda: refused(service), [SHARD])
        await burn(settings, [at_level(RiskLevel.FREEZE)])
        await eventually(lambda: seen(log, SERVICE), "BLOCK")
        assert await refused(service) == [SHARD]
    assert await dead_letters(settings) == []


async def refused(service: Gate) -> list[int]:
    return list(service.ledger.troubles.refusals)


async def letters_count(settings: AllSettings) -> int:
    return len(await dead_letters(settings))
