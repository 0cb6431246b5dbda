"""The tick on a ledger, a broker and a store that only note what happens to them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from common.events import GateDecision, PolicyChanged, ServiceChanged, ShardHeartbeat
from common.kafka.client import UnknownOutcomeError
from common.kafka.sharding import shard_of
from common.ledger.dlq_limit import DlqLimits
from common.ledger.ledger import ShardLedger
from common.ledger.shard import Ownership, StateTopicProgress
from common.ledger.store import FencedError
from common.policy.files import read_policies
from common.runtime.loops import every
from gate.deciding import Decider
from gate.domain.configuration import GateConfiguration
from gate.domain.records import DecisionRecord
from gate.domain.shard_view import ShardView
from gate.settings import GateSettings
from gate.storage.repository import Published
from gate.work import GateWork
from tests.support.consumer_runtime import consumer_runtime
from tests.support.gate_inputs import NOW, SERVICE, burning_at, override, snapshot
from tests.support.waiting import until

SHARDS = 2
SHARD = shard_of(SERVICE, SHARDS)


@dataclass
class Servers:
    """A ledger that holds one shard, a broker and a database; each may fail."""

    owned: dict[int, Ownership] = field(default_factory=dict)
    sent: list[GateDecision] = field(default_factory=list)
    stored: list[DecisionRecord] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    broker_fails: bool = False
    store_fails: Exception | None = None

    async def send_all(self, records: Sequence[tuple[str, bytes, bytes, int, Any]]) -> None:
        if self.broker_fails:
            raise UnknownOutcomeError("no answer")
        for _, value, key, shard, _ in records:
            decision = msgspec.json.decode(value, type=GateDecision)
            assert (key.decode(), shard) == (decision.service_name, SHARD)
            self.sent.append(decision)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[None]:
        yield None

    async def store(
        self, _: object, shard: int, epoch: int, records: Sequence[DecisionRecord]
    ) -> None:
        assert (shard, epoch) == (SHARD, self.owned[SHARD].epoch)
        if self.store_fails:
            raise self.store_fails
        self.stored += records

    async def store_published(self, _: object, beaten: Sequence[Published]) -> None:
        if self.store_fails:
            raise self.store_fails
        self.published += beaten


class GateProcess:
    """The decider of one process, its clock, and what it has heard."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.servers = NOW, Servers()
        monkeypatch.setattr("gate.deciding.repository.store_decisions", self.servers.store)
        monkeypatch.setattr(
            "gate.deciding.repository.store_published", self.servers.store_published
        )
        self.servers.owned[SHARD] = Ownership(3, "cluster", {}, {})
        runtime = consumer_runtime(
            "gate",
            SHARDS,
            database=self.servers,
            publisher=self.servers,
            clock=lambda: self.now,
        )
        work = GateWork(runtime, DlqLimits())
        self.view, self.woken = ShardView(), work.woken
        work.views[SHARD] = self.view
        self.configuration = GateConfiguration(read_policies([]))
        self.configuration.on_service(declared(SERVICE))
        ledger = cast("ShardLedger", self.servers)
        self.decider = Decider(
            GateSettings(silent_seconds=30), runtime, ledger, work, self.configuration
        )

    def hear(self, composite: float, at: datetime | None = None) -> bool:
        """Take a snapshot of burnrate; tell whether it was urgent."""
        taken = snapshot([burning_at(composite)], at=at or self.now)
        return self.view.on_burn_rate(taken, self.now)

    def beat(self) -> None:
        """Take a heartbeat of burnrate."""
        self.view.on_burn_rate(ShardHeartbeat(SHARD, 1, self.now, self.now, 1), self.now)

    async def tick(self, seconds: float = 1.0) -> list[GateDecision]:
        """Let time pass; return what was published."""
        self.now += timedelta(seconds=seconds)
        await self.decider.tick()
        sent, self.servers.sent = self.servers.sent, []
        return sent


def declared(name: str, revision: int = 1, *, retired: bool = False) -> ServiceChanged:
    return ServiceChanged(revision, 1, name, 1, "team", None, retired)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> GateProcess:
    return GateProcess(monkeypatch)


def feature(decision: GateDecision) -> str:
    return next(v.decision for v in decision.verdicts if v.override_id is None)


async def test_what_is_new_goes_out_at_once_and_the_rest_every_ten_seconds(
    process: GateProcess,
) -> None:
    assert process.hear(0.5)
    [first] = await process.tick()
    assert feature(first) == "ALLOW"
    assert (first.epoch, first.decided_at, first.evaluated_at) == (3, process.now, process.now)
    assert first.expires_at == process.now + timedelta(seconds=30)
    assert not process.hear(0.6), "a figure alone is not urgent"
    assert await process.tick() == []
    assert process.hear(2.5)
    [blocked] = await process.tick()
    assert feature(blocked) == "BLOCK"
    assert blocked.decision_id > first.decision_id
    assert [await process.tick() for _ in range(6)] == [[]] * 6
    process.beat()
    [again] = await process.tick(2)
    assert (again.decision_id, again.decided_at) == (blocked.decision_id, blocked.decided_at)
    assert again.evaluated_at == process.now
    assert [r.decision.decision_id for r in process.servers.stored] == [
        first.decision_id,
        blocked.decision_id,
    ]


async def test_a_heartbeat_carries_the_figures_of_its_moment(process: GateProcess) -> None:
    process.hear(2.5)
    [first] = await process.tick()
    process.hear(4.5)
    [later] = await process.tick(10)
    assert later.decision_id == first.decision_id
    assert later.verdicts[0].since == first.verdicts[0].since
    assert [d.verdicts[0].reasons[0].observed for d in (first, later)] == [2.5, 4.5]


async def test_nothing_is_decided_before_the_state_topics_are_read(process: GateProcess) -> None:
    process.hear(0.5)
    process.servers.owned[SHARD].state_topics = StateTopicProgress({}, {"slo.burnrates.v1": 7})
    assert await process.tick() == []
    process.servers.owned[SHARD].state_topics.reached("slo.burnrates.v1", 7)
    assert [feature(d) for d in await process.tick()] == ["ALLOW"]


async def test_silence_is_seen_by_the_clock_alone_and_ends_with_a_heartbeat(
    process: GateProcess,
) -> None:
    process.hear(0.5)
    await process.tick()
    found = [[feature(d) for d in await process.tick()] for _ in range(30)]
    assert found[:28] == [*[*[[]] * 9, ["ALLOW"]] * 2, *[[]] * 8]
    assert found[28:] == [["UNKNOWN"]] * 2, "30 s after it was last heard of, then confirmed"
    process.beat()
    assert [feature(d) for d in await process.tick()] == ["ALLOW"]


async def test_an_owner_that_goes_on_is_no_reason_to_decide_again(process: GateProcess) -> None:
    process.hear(0.5)
    await process.tick()
    process.beat()
    for _ in range(4):
        process.now += timedelta(seconds=2)
        process.beat()
        assert process.view.due == set()
    process.now += timedelta(seconds=4)
    process.beat()
    assert process.view.due == {SERVICE}, "a heartbeat was missed"


async def test_an_old_sign_heard_now_is_an_old_sign(process: GateProcess) -> None:
    process.hear(0.5, at=NOW - timedelta(minutes=5))
    [decision] = await process.tick()
    assert decision.verdicts[0].reasons[0].code == "shard_silent"
    process.hear(0.5, at=process.now + timedelta(hours=1))
    [ahead] = await process.tick()
    assert feature(ahead) == "ALLOW"
    process.now += timedelta(seconds=30)
    assert [feature(d) for d in await process.tick()] == ["UNKNOWN"], "a clock ahead buys no time"


async def test_an_override_ends_by_itself(process: GateProcess) -> None:
    process.hear(2.5)
    await process.tick()
    changed = override(expires_at=process.now + timedelta(seconds=5))
    assert process.configuration.on_override(changed)
    process.decider.touch(SERVICE)
    assert process.woken.is_set()
    [named] = await process.tick()
    assert {v.override_id for v in named.verdicts} == {1, None}
    assert [await process.tick() for _ in range(3)] == [[]] * 3
    [ended] = await process.tick()
    assert {v.override_id for v in ended.verdicts} == {None}
    assert not process.configuration.on_override(replace(changed, state="revoked")), (
        "of the same revision"
    )


async def test_what_was_not_published_goes_out_later_and_is_stored_once(
    process: GateProcess,
) -> None:
    process.hear(0.5)
    [first] = await process.tick()
    process.hear(2.5)
    process.servers.broker_fails = True
    for _ in range(3):
        with pytest.raises(UnknownOutcomeError):
            await process.tick()
    process.servers.broker_fails = False
    [decision] = await process.tick()
    assert feature(decision) == "BLOCK"
    assert [r.decision.decision_id for r in process.servers.stored] == [
        first.decision_id,
        decision.decision_id,
    ]


@pytest.mark.parametrize("error", [OSError("refused"), FencedError("another owner")])
async def test_what_is_not_stored_is_not_published(process: GateProcess, error: Exception) -> None:
    process.hear(0.5)
    await process.tick()
    process.hear(2.5)
    process.servers.store_fails = error
    if isinstance(error, OSError):
        with pytest.raises(OSError, match="refused"):
            await process.tick()
    else:
        assert await process.tick() == []
    assert process.servers.sent == []
    process.servers.store_fails = None
    assert [feature(d) for d in await process.tick(10)] == ["BLOCK"]


async def test_a_declared_service_is_decided_on_and_a_retired_one_is_not(
    process: GateProcess,
) -> None:
    [unknown] = await process.tick()
    assert (feature(unknown), unknown.data_status) == ("UNKNOWN", "no_data")
    process.configuration.on_service(declared(SERVICE, 2, retired=True))
    process.decider.touch(SERVICE)
    process.hear(0.5)
    assert [await process.tick() for _ in range(15)] == [[]] * 15
    process.configuration.on_service(declared(SERVICE, 3))
    process.decider.touch(None)
    process.hear(0.5)
    [again] = await process.tick()
    assert feature(again) == "ALLOW"


async def test_an_unknown_name_gets_the_tier_of_what_is_discovered(process: GateProcess) -> None:
    other = next(n for n in (f"svc{i}" for i in range(99)) if shard_of(n, SHARDS) == SHARD)
    found = replace(snapshot([burning_at(0.5)], at=process.now), service_name=other)
    process.view.on_burn_rate(found, process.now)
    tiers = {d.service_name: d.tier for d in await process.tick()}
    assert tiers == {SERVICE: 1, other: 3}


async def test_a_loop_that_meets_an_outage_goes_on(process: GateProcess) -> None:
    process.hear(0.5)
    process.servers.broker_fails = True
    task = asyncio.create_task(every(1.0, "tick", process.decider.tick, woken=process.woken))
    while not process.servers.stored:
        await asyncio.sleep(0)
    process.servers.broker_fails = False
    await until(lambda: process.servers.sent)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert feature(process.servers.sent[0]) == "ALLOW"


async def test_another_policy_is_another_decision(process: GateProcess) -> None:
    process.hear(1.75)
    [warned] = await process.tick()
    document = {"risk": {"DANGER": "BLOCK"}}
    assert process.configuration.on_policy(PolicyChanged(1, "default", "", document, retired=False))
    process.decider.touch(None)
    [blocked] = await process.tick()
    assert (feature(warned), feature(blocked)) == ("WARN", "BLOCK")
    assert blocked.policy_hash != warned.policy_hash
    assert process.servers.stored[-1].policy.risk["DANGER"]["fix"] == "BLOCK"
    process.configuration.on_policy(PolicyChanged(2, "default", "", document, retired=True))
    process.decider.touch(None)
    [again] = await process.tick()
    assert again.policy_hash == warned.policy_hash


async def test_a_decision_that_nobody_confirmed_in_time_is_a_new_one_and_says_since_when(
    process: GateProcess,
) -> None:
    process.hear(0.5)
    await process.tick()
    first, at = process.servers.stored[-1], process.now
    assert process.servers.published == [Published(SHARD, 3, at)]
    process.now += timedelta(seconds=30)
    process.beat()
    await process.tick(0)
    assert process.servers.stored[-1] is first, "it is known up to its last instant"
    last_heard = process.now
    process.now += timedelta(seconds=30)
    process.beat()
    [again] = await process.tick(1)
    stored = process.servers.stored[-1]
    assert (stored.decision.decision_id, stored.previous_until) == (
        again.decision_id,
        last_heard + timedelta(seconds=30),
    )
    assert again.decision_id != first.decision.decision_id
    process.beat()
    await process.tick(10)
    assert process.servers.stored[-1] is stored


async def test_what_nobody_could_learn_of_is_stored_once_and_dated_when_they_could_again(
    process: GateProcess,
) -> None:
    process.hear(0.5)
    await process.tick()
    known_until = process.now + timedelta(seconds=30)
    process.servers.broker_fails = True
    process.hear(2.5)
    for _ in range(8):
        process.beat()
        with pytest.raises(UnknownOutcomeError):
            await process.tick(10)
    assert [r.previous_until for r in process.servers.stored] == [None, None]
    process.servers.broker_fails = False
    [published] = await process.tick()
    [again] = await process.tick()
    stored = process.servers.stored[2:]
    assert [(r.decision.decided_at, r.previous_until) for r in stored] == [
        (process.now, known_until)
    ]
    assert (feature(published), feature(again)) == ("BLOCK", "BLOCK")
    assert process.servers.published[-1] == Published(SHARD, 3, process.now)


async def test_a_heartbeat_that_is_not_stored_is_published_all_the_same(
    process: GateProcess,
) -> None:
    process.hear(0.5)
    await process.tick()
    process.servers.store_fails = OSError("refused")
    process.beat()
    with pytest.raises(OSError, match="refused"):
        await process.tick(10)
    assert [feature(d) for d in process.servers.sent] == ["ALLOW"]
    assert len(process.servers.published) == 1
