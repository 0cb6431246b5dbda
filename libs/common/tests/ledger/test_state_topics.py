"""Level topics are read from the beginning by whoever comes to hold the shard."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.kafka.client import Record
from common.ledger.read_buffer import LedgerLimits
from common.ledger.shard import Batch, RefusedError, ShardWork
from tests.support.ledger_model import (
    SHARD,
    TOPICS,
    Process,
    Servers,
    Work,
    answer_by_model,
    record,
)

LEVELS = "levels"


class Seen(Work):
    """Notes what a process was given of its state topics."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[int] = []

    def observe(self, shard: int, records: Sequence[Record]) -> None:
        assert shard == SHARD
        self.values += [int(r.value or b"") for r in records]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    answer_by_model(monkeypatch)
    servers = Servers()
    servers.log[LEVELS] = [1, 2, 3]
    return servers


def follower(servers: Servers, limits: LedgerLimits | None = None) -> tuple[Process, Seen]:
    process = Process(servers, limits, state_topics=(LEVELS,))
    process.work = process.ledger._work = seen = Seen()
    return process, seen


async def held(process: Process) -> None:
    await process.assign()
    await process.settle()


def complete(process: Process) -> bool:
    return process.ledger.owned[SHARD].state_topics.complete


async def deliver(process: Process, most: int) -> None:
    await process.ledger.handle(process.consumer.poll(LEVELS, most))


async def test_all_that_stands_there_is_given_before_the_reading_is_complete(
    servers: Servers,
) -> None:
    process, seen = follower(servers)
    await held(process)
    assert not complete(process)
    await deliver(process, 2)
    assert not complete(process)
    await deliver(process, 2)
    assert complete(process)
    assert seen.values == [1, 2, 3]


async def test_levels_are_read_again_by_the_next_owner_while_inputs_go_on(servers: Servers) -> None:
    servers.log["metrics"] = [7]
    first, _ = follower(servers)
    await held(first)
    await deliver(first, 3)
    await first.ledger.handle(first.consumer.poll("metrics", 1))
    await first.ledger.flush()
    await first.revoke()

    second, seen = follower(servers)
    servers.log[LEVELS].append(4)
    await held(second)
    assert second.consumer.positions == {"metrics": 1, "history": 0, LEVELS: 0}
    await deliver(second, 10)
    assert seen.values == [1, 2, 3, 4]
    assert servers.truth.applied["metrics"] == [7]
    assert servers.truth.offsets == dict(zip(TOPICS, (1, 0), strict=True))


async def test_nothing_is_complete_by_what_was_fetched_before_the_seek(servers: Servers) -> None:
    process, seen = follower(servers)
    await held(process)
    in_flight = [record(LEVELS, 2, 3)]  # of an earlier assignment
    await process.ledger.handle(in_flight)
    assert not complete(process)
    await deliver(process, 3)
    assert complete(process)
    assert seen.values == [3, 1, 2, 3]


async def test_an_empty_level_topic_is_complete_at_once(servers: Servers) -> None:
    servers.log[LEVELS] = []
    process, _ = follower(servers)
    await held(process)
    assert complete(process)


async def test_what_nobody_holds_is_not_given(servers: Servers) -> None:
    process, seen = follower(servers)
    await process.ledger.handle([record(LEVELS, 0, 1)])
    assert seen.values == []


async def test_levels_are_read_on_while_inputs_wait_to_be_applied(servers: Servers) -> None:
    process, seen = follower(servers, LedgerLimits(max_flush_records=9, max_buffered_records=2))
    servers.log["metrics"] = [1, 2]
    await held(process)
    flushing = process.ledger._flushing
    async with flushing:  # nothing is applied meanwhile
        await process.ledger.handle(process.consumer.poll("metrics", 2))
        assert process.ledger.paused
        await deliver(process, 3)
        assert seen.values == [1, 2, 3]
    await asyncio.sleep(0)
    await process.settle()
    assert not process.ledger.paused


class StateTopicsOnly(ShardWork):
    """Work without inputs."""

    async def load(self, session: Any, shard: int) -> None: ...

    def release(self, shard: int) -> None: ...


async def test_work_without_inputs_refuses_a_batch_and_names_its_topic() -> None:
    session: Any = None
    batch = Batch(SHARD, "cluster", [record("metrics", 0, 1)])
    with pytest.raises(RefusedError, match=r"shard 0: .*'metrics'"):
        await StateTopicsOnly().apply(session, batch)
