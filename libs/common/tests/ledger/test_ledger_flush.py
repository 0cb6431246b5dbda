"""What the ledger does between reading and committing: buffer, flush, pause, give up, refuse."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from common.ledger import ledger as ledger_module
from common.ledger.read_buffer import LedgerLimits, Run, ShardBuffer
from common.ledger.shard import Batch, RefusedError
from common.ledger.troubles import RetryDelays
from tests.support import ledger_model as model
from tests.support.ledger_model import NOW, PARTITIONS, SHARD, Process, Servers, Work, record
from tests.support.waiting import until

SLOWLY = RetryDelays(0.01, 0.01, 0.05, 0.05)


@pytest.fixture(autouse=True)
def quiet_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    model.answer_by_model(monkeypatch)
    with structlog.testing.capture_logs():
        yield


class GatedWork(Work):
    """Work that waits at a gate inside the transaction, and notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.sizes: list[int] = []
        self.running = 0
        self.refusing: str | None = None

    async def apply(self, session: Any, batch: Batch) -> Callable[[], None]:
        self.sizes.append(len(batch.records))
        self.running += 1
        assert self.running == 1
        try:
            await self.gate.wait()
            apply_in_memory = await super().apply(session, batch)
        finally:
            self.running -= 1
        if self.refusing is not None:
            raise RefusedError(self.refusing)
        return apply_in_memory


class Owner(Process):
    """A process that has the shard, and its work."""

    def __init__(self, servers: Servers, limits: LedgerLimits, delays: RetryDelays) -> None:
        super().__init__(servers, limits, delays)
        self.gated = self.work = self.ledger._work = GatedWork()

    async def read(self, metrics: int, history: int = 0) -> None:
        """Fetch some records and have the ledger handle them."""
        batch = self.consumer.poll("metrics", metrics) + self.consumer.poll("history", history)
        if batch:
            await self.ledger.handle(batch)


async def owner(servers: Servers, delays: RetryDelays = SLOWLY, **limits: int) -> Owner:
    process = Owner(servers, LedgerLimits(**limits), delays)
    await process.assign()
    await process.settle()
    return process


def fill(servers: Servers, metrics: int, history: int = 0) -> None:
    start = len(servers.log["metrics"])
    servers.log["metrics"] += range(start, start + metrics)
    servers.log["history"] += range(history)


async def test_nothing_is_applied_before_the_flush_and_all_by_it() -> None:
    servers = Servers()
    process = await owner(servers)
    fill(servers, 5, 3)
    await process.read(2, 1)
    await process.read(3, 2)
    assert servers.truth.applied == {"metrics": [], "history": []}
    assert process.ledger.buffered()[0] == 8
    await process.ledger.flush()
    assert servers.truth.applied == servers.log == process.work.memory
    assert process.ledger.buffered() == (0, 0)
    assert process.gated.sizes == [8]


@pytest.mark.parametrize("fetch", [1, 3, 4, 7, 30])
async def test_a_transaction_holds_at_most_one_flush(fetch: int) -> None:
    servers = Servers()
    process = await owner(servers, max_flush_records=4)
    fill(servers, 30)
    process.gated.gate.clear()  # so that all is read before anything is applied
    while len(servers.log["metrics"]) > process.consumer.positions["metrics"]:
        await process.read(fetch)
    process.gated.gate.set()
    await process.ledger.flush()
    await process.settle()
    assert servers.truth.applied == servers.log
    assert max(process.gated.sizes) <= 4


async def test_reading_goes_on_while_a_transaction_is_awaited() -> None:
    servers = Servers()
    process = await owner(servers)
    fill(servers, 6)
    await process.read(2)
    process.gated.gate.clear()
    process.flush_later()
    await until(lambda: process.gated.running)
    await process.read(4)
    assert process.ledger.buffered()[0] == 6
    process.gated.gate.set()
    await process.settle()
    assert servers.truth.applied["metrics"] == [0, 1]
    await process.ledger.flush()
    assert servers.truth.applied == servers.log


async def test_flushes_at_the_same_time_apply_each_record_once() -> None:
    servers = Servers()
    process = await owner(servers, max_flush_records=3)
    fill(servers, 20)
    await process.read(20)
    await asyncio.gather(*(process.ledger.flush() for _ in range(5)))
    await process.settle()
    assert servers.truth.applied == servers.log == process.work.memory


async def test_a_full_buffer_is_flushed_at_once() -> None:
    servers = Servers()
    process = await owner(servers, max_flush_records=4)
    fill(servers, 5)
    await process.read(3)
    await process.settle()
    assert servers.truth.applied["metrics"] == []
    await process.read(1)
    await process.settle()
    assert servers.truth.applied["metrics"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "limits", [{"max_buffered_records": 10}, {"max_buffered_bytes": 10 * 20}], ids=str
)
async def test_slow_work_slows_reading_and_loses_nothing(limits: dict[str, int]) -> None:
    """Each value takes 21 bytes, less one for the missing key, as the client counts."""
    servers, fetch = Servers(), 3
    process = await owner(servers, SLOWLY, **limits)
    servers.log["metrics"] += range(10**20, 10**20 + 200)
    pauses, highest = 0, 0
    process.gated.gate.clear()
    while servers.truth.applied != servers.log:
        was_paused = process.ledger.paused
        await process.read(fetch)
        highest = max(highest, process.ledger.buffered()[0])
        if process.ledger.paused:
            assert process.consumer.paused == set(PARTITIONS)
            pauses += not was_paused
            process.gated.gate.set()
        else:
            assert process.consumer.paused == set()
        await asyncio.sleep(0)
        if process.consumer.positions["metrics"] == 200:
            process.gated.gate.set()
            await process.ledger.flush()
    assert 10 <= highest < 10 + fetch
    assert pauses > 1
    assert process.work.memory == servers.log
    assert process.consumer.paused == set()


async def test_reading_begins_again_below_half_of_the_bound() -> None:
    servers = Servers()
    process = await owner(servers, max_buffered_records=10, max_flush_records=3)
    fill(servers, 10)
    process.gated.gate.clear()
    await process.read(10)
    seen: list[int] = []
    while process.ledger.paused:
        seen.append(process.ledger.buffered()[0])
        process.gated.gate.set()
        await asyncio.sleep(0)
    assert min(seen) >= 5
    await process.settle()


async def test_a_shard_acquired_while_reading_is_paused_stays_paused() -> None:
    servers = Servers()
    process = await owner(servers, max_buffered_records=2)
    await process.revoke()
    full = process.ledger._buffers[SHARD + 1] = ShardBuffer({"metrics": 0}, 10)
    full.add(Run("metrics", SHARD + 1, [record("metrics", i, i) for i in range(5)]))
    async with process.ledger._flushing:  # the other shard's transaction takes its time
        await process.ledger.handle([])
        await process.assign()
        await until(lambda: SHARD in process.ledger.owned)
        assert process.ledger.paused
        assert process.consumer.paused == set(PARTITIONS)
        del process.ledger._buffers[SHARD + 1]
        await process.ledger.handle([])
        assert process.consumer.paused == set()


async def test_a_revoked_shard_is_forgotten_after_its_transaction() -> None:
    servers = Servers()
    process = await owner(servers, max_flush_records=2, max_buffered_records=5)
    fill(servers, 6)
    process.gated.gate.clear()
    await process.read(6)
    await until(lambda: process.gated.running)
    revoking = asyncio.create_task(process.revoke())
    await asyncio.sleep(0.01)
    assert not revoking.done()
    process.gated.gate.set()
    await revoking
    await process.settle()
    assert servers.truth.applied["metrics"] == [0, 1]
    assert process.ledger.buffered() == (0, 0)
    assert not process.ledger.paused
    assert process.work.memory is None


async def test_what_was_read_under_an_older_epoch_is_not_applied_under_the_next() -> None:
    """A flush comes to a shard that was given up and acquired while others had their turn."""
    servers = Servers()
    process = await owner(servers)
    fill(servers, 2)
    await process.read(2)
    old = process.ledger._buffers[SHARD]
    await process.revoke()
    await process.assign()
    await process.settle()
    await process.read(2)
    await process.ledger._flush_shard(SHARD, old, old.records)
    assert process.gated.sizes == []
    await process.ledger.flush()
    assert servers.truth.applied == servers.log


async def test_a_thawed_zombie_lets_the_rightful_owner_be() -> None:
    servers = Servers()
    zombie = await owner(servers, RetryDelays(0.01, 0.01, 0.05, fenced_seconds=0.5))
    fill(servers, 4)
    await zombie.read(2)
    rightful = await owner(servers)
    epoch = servers.truth.epoch
    await zombie.ledger.flush()
    for _ in range(50):  # much could happen in that time, were the zombie not to wait
        await asyncio.sleep(0)
    await rightful.read(2)
    await rightful.ledger.flush()
    assert SHARD in rightful.ledger.owned
    await zombie.revoke()  # the next heartbeat has told it
    await zombie.settle()
    await rightful.read(2)
    await rightful.ledger.flush()
    assert servers.truth.epoch == epoch
    assert servers.truth.applied == servers.log
    assert rightful.gated.sizes == [2, 2]


async def test_a_zombie_whose_partitions_are_gone_does_not_take_them_back() -> None:
    servers = Servers()
    zombie = await owner(servers)
    fill(servers, 2)
    await zombie.read(2)
    await owner(servers)
    epoch = servers.truth.epoch
    await zombie.ledger.flush()
    zombie.consumer.assigned = set()
    await zombie.settle()
    assert servers.truth.epoch == epoch


async def test_who_is_fenced_and_keeps_the_partitions_goes_on_after_a_while() -> None:
    servers = Servers()
    process = await owner(servers)
    fill(servers, 2)
    await process.read(2)
    servers.truth.epoch += 1  # someone took the shard, and gave it back
    began = asyncio.get_running_loop().time()
    await process.ledger.flush()
    await process.settle()
    assert asyncio.get_running_loop().time() - began >= SLOWLY.fenced_seconds
    await process.read(2)
    await process.ledger.flush()
    assert servers.truth.applied == servers.log


async def test_work_that_refuses_is_shown_and_tried_again_until_it_does_not() -> None:
    servers = Servers()
    process = await owner(servers)
    fill(servers, 3)
    process.gated.refusing = "too much is wrong"
    await process.read(3)
    await process.ledger.flush()
    assert SHARD not in process.ledger.owned
    assert process.ledger.troubles.refusals == {SHARD: "too much is wrong"}
    assert process.consumer.paused == set(PARTITIONS)
    await process.settle()
    assert SHARD in process.ledger.owned  # to try again; whether it succeeds is not known yet
    assert process.ledger.troubles.refusals == {SHARD: "too much is wrong"}
    await process.read(3)
    await process.ledger.flush()
    assert servers.truth.applied["metrics"] == []
    await process.settle()
    process.gated.refusing = None
    await process.read(3)
    await process.ledger.flush()
    assert servers.truth.applied == servers.log
    assert process.ledger.troubles.refusals == {}


async def test_a_loading_that_refuses_is_shown_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = Servers()
    process = await owner(servers)
    await process.revoke()

    async def refuse(_session: Any, _shard: int) -> None:
        raise RefusedError("too many services")

    with monkeypatch.context() as patch:
        patch.setattr(process.work, "load", refuse)
        await process.assign()
        await until(lambda: process.ledger.troubles.refusals)
    assert process.ledger.troubles.refusals == {SHARD: "too many services"}
    assert process.ledger.troubles.excuses(0) == process.ledger.troubles.refusals
    await process.settle()
    assert process.ledger.troubles.refusals == {}


async def test_trouble_outside_excuses_for_a_while_and_a_bug_does_not() -> None:
    servers = Servers()
    process = await owner(servers)
    fill(servers, 1)
    servers.fault = "rollback"
    await process.read(1)
    await process.ledger.flush()
    now_seconds = asyncio.get_running_loop().time()
    assert "ConnectionError" in process.ledger.troubles.excuses(now_seconds - 10)[SHARD]
    assert process.ledger.troubles.excuses(now_seconds + 1) == {}
    await process.settle()
    process.ledger.troubles.note(SHARD + 1, KeyError("a bug"))
    assert SHARD + 1 not in process.ledger.troubles.excuses(0)


async def test_the_lag_is_what_is_not_applied_wherever_it_waits() -> None:
    servers = Servers()
    process = await owner(servers)
    await process.ledger.probe()
    assert process.ledger.lag == {SHARD: 0}
    fill(servers, 3, 2)
    batch = process.consumer.poll("metrics", 3)  # given out by the client, on its way to us
    await process.ledger.probe()
    assert process.ledger.lag == {SHARD: 5}
    await process.ledger.handle(batch)
    for _ in range(3):
        await process.ledger.probe()
        assert process.ledger.lag == {SHARD: 5}
    await process.ledger.flush()
    await process.ledger.probe()
    assert process.ledger.lag == {SHARD: 2}
    await process.read(0, 2)
    await process.ledger.flush()
    await process.ledger.probe()
    assert process.ledger.lag == {SHARD: 0}
    assert process.ledger.owned[SHARD].oldest_applied() == NOW


async def test_a_lag_is_not_known_while_the_broker_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = await owner(Servers())
    await process.ledger.probe()

    async def away(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(ledger_module, "high_watermarks", away)
    with pytest.raises(ConnectionError):
        await process.ledger.probe()
    assert process.ledger.lag == {}
