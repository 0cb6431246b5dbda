"""An evaluator on a ledger, a broker and a database that only note what happens to them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import msgspec

from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import Target
from burnrate.evaluation.shard_state import ShardState
from burnrate.evaluator import Evaluator
from burnrate.ingest.columns import Counted
from burnrate.settings import BurnrateSettings
from burnrate.work import CountingWork
from common.events import (
    BurnRateMessage,
    BurnRateSnapshot,
    MetricEvent,
    ServiceChanged,
    ShardHeartbeat,
    TargetChanged,
)
from common.kafka.client import UnknownOutcomeError
from common.kafka.sharding import shard_of
from common.ledger.ledger import ShardLedger
from common.ledger.shard import Ownership
from common.slo.vocabulary import SliType
from tests.reference.streams import START
from tests.reference.sums import delta_of
from tests.support.consumer_runtime import consumer_runtime

SHARDS = 2
_message = msgspec.json.Decoder(BurnRateMessage)


@dataclass
class Ledger:
    """The shards that we own."""

    owned: dict[int, Ownership] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Broker:
    """What was published, in order; while `failing` nothing is."""

    sent: list[tuple[BurnRateMessage, bytes | None, int | None]] = field(default_factory=list)
    failing: bool = False

    async def send_all(
        self, records: Sequence[tuple[str, bytes, bytes | None, int | None, Any]]
    ) -> None:
        if self.failing:
            raise UnknownOutcomeError("no answer")
        self.sent += [(_message.decode(value), key, shard) for _, value, key, shard, _ in records]


class Found(list[Any]):
    """Rows as a result has them."""

    def all(self) -> list[Any]:
        return list(self)


@dataclass
class Rows:
    """A database: snapshots that were stored, and rows in the order they are asked for."""

    stored: list[str] = field(default_factory=list)
    found: list[list[Any]] = field(default_factory=list)
    failing: bool = False
    unreadable: bool = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator["Rows"]:
        if self.failing:
            raise OSError("connection refused")
        yield self

    @asynccontextmanager
    async def read(self) -> AsyncIterator["Rows"]:
        yield self

    async def execute(self, _: object, values: dict[str, Any] | None = None) -> "Found":
        if values is not None and "payloads" in values:
            self.stored += values["services"]
            return Found()
        if self.unreadable:
            raise OSError("connection refused")
        return Found(self.found.pop(0) if self.found else [])


class BurnrateProcess:
    """One process: its clock, what it owns, what it publishes."""

    def __init__(self) -> None:
        self.now = START
        self.ledger, self.broker, self.rows = Ledger(), Broker(), Rows()
        self.catalog = Catalog(Target.default(Decimal("0.999"), 30))
        runtime = consumer_runtime(
            "burnrate",
            SHARDS,
            database=self.rows,
            publisher=self.broker,
            clock=lambda: self.now,
        )
        settings, ledger = (
            BurnrateSettings(heartbeat_seconds=10),
            cast("ShardLedger", self.ledger),
        )
        lateness = timedelta(hours=24)
        self.work = CountingWork(settings, runtime, lateness, self.catalog.is_deep)
        self.evaluator = Evaluator(settings, runtime, ledger, self.work, self.catalog)

    def acquire(self, shard: int, epoch: int = 1, state: ShardState | None = None) -> None:
        """Own a shard, with all applied up to now."""
        topics = {"metrics": self.now, "history": self.now}
        self.ledger.owned[shard] = Ownership(epoch, "cluster", dict.fromkeys(topics, 0), topics)
        self.work.states[shard] = state or ShardState(self.now)

    def release(self, shard: int) -> None:
        """Give a shard up."""
        del self.ledger.owned[shard]
        self.work.release(shard)

    def applied_until(self, at: datetime) -> None:
        """Let every shard have applied what was appended up to an instant."""
        for own in self.ledger.owned.values():
            own.applied_through = dict.fromkeys(own.applied_through, at)

    def count(self, *events: MetricEvent) -> None:
        """Apply events to the shards of their services, all of a shard at once."""
        by_shard: defaultdict[int, list[Counted]] = defaultdict(list)
        for event in events:
            by_shard[shard_of(event.service, SHARDS)].append(Counted(event, self.now))
        for shard, admitted in by_shard.items():
            self.work.states[shard].apply(delta_of(admitted), self.now)

    async def tick(self, seconds: float = 1.0) -> "Published":
        """Let time pass with nothing left unapplied, tick, and return what was published."""
        self.now += timedelta(seconds=seconds)
        self.applied_until(self.now)
        await self.evaluator.tick()
        return self.published()

    async def compute(self, command_id: str, service: str | None = None) -> "Published":
        """Run a command and return what was published."""
        await self.evaluator.compute(command_id, service)
        return self.published()

    def published(self) -> "Published":
        """Return what has been published since the last time."""
        sent, self.broker.sent = self.broker.sent, []
        return Published(sent)


@dataclass(frozen=True, slots=True)
class Published:
    """Messages in the order in which they went out, with key and partition."""

    sent: list[tuple[BurnRateMessage, bytes | None, int | None]]

    @property
    def snapshots(self) -> dict[str, BurnRateSnapshot]:
        found = [m for m, _, _ in self.sent if isinstance(m, BurnRateSnapshot)]
        assert len({m.service_name for m in found}) == len(found)
        return {m.service_name: m for m in found}

    @property
    def heartbeats(self) -> dict[int, ShardHeartbeat]:
        found = [m for m, _, _ in self.sent if isinstance(m, ShardHeartbeat)]
        assert len({m.shard for m in found}) == len(found)
        return {m.shard: m for m in found}


def name_in(shard: int, number: int = 0) -> str:
    """Return the name of a service of that shard."""
    found = (f"svc{i}" for i in range(1000) if shard_of(f"svc{i}", SHARDS) == shard)
    return [next(found) for _ in range(number + 1)][-1]


def declared(name: str, *, revision: int = 1, retired: bool = False) -> ServiceChanged:
    """Return what the catalog says of a service."""
    return ServiceChanged(revision, 1, name, 1, "team", None, retired)


def target_changed(service: str, number: int, **fields: Any) -> TargetChanged:
    """Return what the catalog says of an availability target, or as the fields say."""
    given: dict[str, Any] = {
        "revision": 1,
        "name": f"t{number}",
        "sli_type": SliType.AVAILABILITY,
        "objective": "0.99",
        "window_days": 30,
        "threshold_seconds": None,
        "max_error_ratio": None,
        "min_bad_events": 1,
        "retired": False,
        **fields,
    }
    return TargetChanged(id=number, service_name=service, **given)
