"""The shard ledger against every order of crashes, lost replies, handovers and zombies.

Two processes share one stored truth. Whatever happens to them, what is stored is exactly the log
up to the stored offset, and what the rightful owner holds in memory is what is stored.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from common.ledger.read_buffer import LedgerLimits
from tests.support.ledger_model import PARTITIONS, SHARD, TOPICS, Process, Servers, answer_by_model
from tests.support.servers.effort import examples

WHO = st.integers(0, 1)
LIMITS = LedgerLimits(max_flush_records=2, max_buffered_records=5)


class ShardLedgerMachine(RuleBasedStateMachine):
    """Rules are what brokers, networks and schedulers do."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.servers = Servers()
        self.processes = [Process(self.servers, LIMITS), Process(self.servers, LIMITS)]
        self.next_value = 0

    def teardown(self) -> None:
        """Once one process has the shard and nothing fails, all of the log is applied."""
        for process in (0, 1):
            self.handle(process)
            self.revoke(process)
        self.settle()
        self.assign(0)
        self.settle()
        while self.servers.truth.applied != self.servers.log:
            self.deliver(0, (3, 3))
            self.settle()
        assert self.servers.truth.applied == self.servers.log
        assert self.processes[0].work.memory == self.servers.log
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(coroutine)

    def settle(self) -> None:
        for process in self.processes:
            self.run(process.settle())

    @initialize()
    def first_assignment(self) -> None:
        self.run(self.processes[0].assign())
        self.settle()

    @rule(topic=st.sampled_from(TOPICS), count=st.integers(1, 3))
    def append(self, topic: str, count: int) -> None:
        for _ in range(count):
            self.servers.log[topic].append(self.next_value)
            self.next_value += 1

    @rule(who=WHO, counts=st.tuples(st.integers(0, 3), st.integers(0, 3)))
    def poll(self, who: int, counts: tuple[int, int]) -> None:
        """A process fetches a batch; anything may happen before it handles that."""
        process = self.processes[who]
        if not process.in_flight:
            for topic, most in zip(TOPICS, counts, strict=True):
                process.in_flight += process.consumer.poll(topic, most)

    @rule(who=WHO, fault=st.sampled_from(["", "", "rollback", "lost reply"]))
    def handle(self, who: int, fault: str = "") -> None:
        """What was fetched is buffered and applied, with all that was buffered before."""
        self.buffer(who)
        self.flush(who, fault)

    @rule(who=WHO)
    def buffer(self, who: int) -> None:
        process = self.processes[who]
        batch, process.in_flight = process.in_flight, []
        self.run(process.ledger.handle(batch))

    @rule(who=WHO, fault=st.sampled_from(["", "rollback", "lost reply"]))
    def flush(self, who: int, fault: str = "") -> None:
        self.servers.fault = fault
        self.run(self.processes[who].ledger.flush())
        self.servers.fault = ""

    @rule(who=WHO, fault=st.sampled_from(["", "rollback", "lost reply"]), steps=st.integers(0, 9))
    def flush_in_background(self, who: int, fault: str, steps: int) -> None:
        """A transaction is under way while everything else goes on."""

        async def begin() -> None:
            self.processes[who].flush_later()
            for _ in range(steps):
                await asyncio.sleep(0)

        self.servers.fault = fault
        self.run(begin())
        self.servers.fault = ""

    @rule(who=WHO, counts=st.tuples(st.integers(1, 5), st.integers(1, 5)))
    def deliver(self, who: int, counts: tuple[int, int]) -> None:
        self.poll(who, counts)
        self.handle(who)

    @rule(who=WHO, back=st.integers(1, 4), topic=st.sampled_from(TOPICS))
    def go_back(self, who: int, back: int, topic: str) -> None:
        consumer = self.processes[who].consumer
        consumer.positions[topic] = max(0, consumer.positions[topic] - back)

    @rule(who=WHO)
    def assign(self, who: int) -> None:
        """Kafka gives the shard to a process; the other may not know yet: a zombie."""
        self.run(self.processes[who].assign())

    @rule(who=WHO)
    def revoke(self, who: int) -> None:
        self.run(self.processes[who].revoke())

    @rule(who=WHO)
    def restart(self, who: int) -> None:
        """A process is killed and another one takes its place, with nothing in memory."""
        self.run(self.processes[who].kill())
        self.processes[who] = Process(self.servers, LIMITS)

    @rule(fault=st.sampled_from(["", "rollback", "lost reply"]))
    def acquisitions_end(self, fault: str) -> None:
        self.servers.fault = fault
        self.settle()
        self.servers.fault = ""

    @invariant()
    def each_record_is_applied_once_and_in_order(self) -> None:
        truth = self.servers.truth
        for topic in TOPICS:
            reached = truth.offsets.get(topic, 0)
            assert truth.applied[topic] == self.servers.log[topic][:reached]

    @invariant()
    def memory_is_what_was_stored_under_the_epoch(self) -> None:
        owners = 0
        for process in self.processes:
            own = process.ledger.owned.get(SHARD)
            if own is None:
                continue
            assert process.work.memory is not None
            for topic, reached in own.next_offsets.items():
                assert process.work.memory[topic] == self.servers.log[topic][:reached]
            if own.epoch == self.servers.truth.epoch:
                owners += 1
        assert owners <= 1

    @invariant()
    def who_does_not_own_the_shard_reads_nothing_into_memory(self) -> None:
        for process in self.processes:
            busy = process.ledger._tasks or process.flushes
            if SHARD not in process.ledger.owned and not busy:
                assert process.work.memory is None


def test_any_order_of_faults_applies_each_record_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_by_model(monkeypatch)
    with structlog.testing.capture_logs():
        run_state_machine_as_test(
            ShardLedgerMachine,
            settings=settings(max_examples=examples(100), stateful_step_count=40),
        )


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShardLedgerMachine]:
    """Servers with which process 0 owns the shard; at the end the log must be applied once."""
    answer_by_model(monkeypatch)
    machine = ShardLedgerMachine()
    with structlog.testing.capture_logs():
        machine.first_assignment()
        yield machine
        machine.each_record_is_applied_once_and_in_order()
        machine.memory_is_what_was_stored_under_the_epoch()
        machine.teardown()


def test_a_zombie_is_fenced(machine: ShardLedgerMachine) -> None:
    machine.append("metrics", 3)
    machine.poll(0, (3, 0))
    machine.assign(1)
    machine.settle()
    machine.handle(0)
    assert machine.servers.truth.applied["metrics"] == []
    assert SHARD not in machine.processes[0].ledger.owned
    assert machine.processes[0].work.memory is None


def test_a_zombie_is_fenced_by_the_offsets_too(machine: ShardLedgerMachine) -> None:
    machine.append("metrics", 3)
    machine.poll(0, (3, 0))
    machine.servers.truth.offsets["metrics"] = 1
    machine.servers.truth.applied["metrics"] = [0]
    machine.handle(0)
    assert machine.servers.truth.applied["metrics"] == [0]


@pytest.mark.parametrize(("fault", "stored"), [("rollback", []), ("lost reply", [0])])
def test_a_failed_commit_leaves_nothing_in_memory_and_is_read_again(
    machine: ShardLedgerMachine, fault: str, stored: list[int]
) -> None:
    machine.append("metrics", 1)
    machine.poll(0, (1, 0))
    machine.handle(0, fault)
    process = machine.processes[0]
    assert machine.servers.truth.applied["metrics"] == stored
    assert process.work.memory is None
    assert process.consumer.paused == set(PARTITIONS)
    machine.settle()
    assert process.consumer.positions["metrics"] == len(stored)
    machine.deliver(0, (5, 5))
    assert machine.servers.truth.applied["metrics"] == [0]


def test_a_batch_from_before_the_acquisition_skips_nothing(machine: ShardLedgerMachine) -> None:
    machine.append("metrics", 3)
    machine.processes[0].consumer.positions["metrics"] = 2
    machine.poll(0, (1, 0))
    machine.revoke(0)
    machine.assign(0)
    machine.settle()
    machine.handle(0)
    assert machine.servers.truth.applied["metrics"] == []


def test_a_repeated_batch_is_applied_once(machine: ShardLedgerMachine) -> None:
    machine.append("history", 3)
    machine.deliver(0, (0, 2))
    machine.go_back(0, 2, "history")
    machine.deliver(0, (0, 3))
    assert machine.servers.truth.applied["history"] == [0, 1, 2]


def test_a_shard_revoked_while_it_is_acquired_is_not_held(machine: ShardLedgerMachine) -> None:
    machine.revoke(0)
    machine.assign(0)
    machine.revoke(0)
    machine.settle()
    assert machine.processes[0].ledger.owned == {}
    assert machine.processes[0].work.memory is None


def test_a_failed_acquisition_leaves_nothing_in_memory(machine: ShardLedgerMachine) -> None:
    machine.revoke(0)
    machine.servers.fault = "rollback"
    machine.assign(0)
    process = machine.processes[0]
    while not process.ledger.troubles.passing:
        machine.run(asyncio.sleep(0))
    assert process.work.memory is None
    machine.settle()
    assert process.work.memory == machine.servers.log
