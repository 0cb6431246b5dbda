"""The tick on a ledger, a broker and a database that only note what happens to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from common.events import ServiceChanged, ServiceForecast
from common.kafka.client import UnknownOutcomeError
from common.ledger.ledger import ShardLedger
from common.ledger.shard import Ownership
from common.slo.vocabulary import DataStatus
from forecast.domain.shard_counts import KEPT_MINUTES
from forecast.forecasting import Forecaster
from forecast.handlers import Retired
from forecast.settings import ForecastSettings
from forecast.work import ForecastWork
from tests.support.burn_events import NOW, heartbeat, slo_status, snapshot
from tests.support.consumer_runtime import consumer_runtime

SHARD = 1
MINUTES = KEPT_MINUTES
_forecast = msgspec.json.Decoder(ServiceForecast)


@dataclass
class Broker:
    """What was published, in order; while `failing` nothing is."""

    sent: list[ServiceForecast] = field(default_factory=list)
    partitions: list[int | None] = field(default_factory=list)
    failing: bool = False

    async def send_all(self, records: Sequence[tuple[str, bytes, Any, int | None, Any]]) -> None:
        if self.failing:
            raise UnknownOutcomeError("no answer")
        self.sent += [_forecast.decode(value) for _, value, _, _, _ in records]
        self.partitions += [partition for *_, partition, _ in records]


@dataclass
class Rows:
    """A database whose blocks hold the same counts in each minute; it counts what is read."""

    slots: dict[str, int]
    counts: tuple[int, int] = (1000, 4)
    blocks_read: int = 0
    stored: list[str] = field(default_factory=list)
    failing: bool = False
    failing_hours: bool = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator["Rows"]:
        yield self

    @asynccontextmanager
    async def write(self) -> AsyncIterator["Rows"]:
        yield self

    async def execute(self, statement: object, values: dict[str, Any]) -> Any:
        text = str(statement)
        if self.failing:
            raise OSError("connection refused")
        if "INSERT" in text:
            self.stored += values["services"]
            return None
        if "burnrate.service" in text:
            return [SimpleNamespace(service=name, slot=slot) for name, slot in self.slots.items()]
        if self.failing_hours and values["resolution"] == 3600:
            raise OSError("connection lost")
        return self._blocks(values)

    def _blocks(self, values: dict[str, Any]) -> list[tuple[int, bytes]]:
        length = values["resolution"]
        first = int(values["since"].timestamp()) // length + 1
        last = -(-int(NOW.timestamp()) // length)
        own = [n * length // 60 for n in self.counts]
        packed = np.array([[*own, 60]] * len(self.slots), "<i8").tobytes()
        found = [(bucket, packed) for bucket in range(first, last + 1)]
        self.blocks_read += len(found)
        return found


class ForecastProcess:
    """One process that owns a shard, and its clock."""

    def __init__(self, *names: str, **settings: Any) -> None:
        self.now = NOW
        self.broker = Broker()
        self.rows = Rows({name: slot for slot, name in enumerate(names)})
        own = ForecastSettings.model_validate(settings)
        runtime = consumer_runtime(
            "forecast", database=self.rows, publisher=self.broker, clock=lambda: self.now
        )
        self.work = ForecastWork(own, runtime.clock)
        self.own = Ownership(7, "cluster", {}, {})
        self.ledger = SimpleNamespace(owned={SHARD: self.own})
        self.retired = Retired()
        ledger = cast("ShardLedger", self.ledger)
        self.forecaster = Forecaster(own, runtime, ledger, self.work, self.retired)

    async def begin(self) -> None:
        """Acquire the shard and read what its services last said."""
        await self.work.load(cast("Any", None), SHARD)
        for name in self.rows.slots:
            self.count(name)

    def count(self, name: str, **fields: Any) -> None:
        """Let burnrate publish what its rows hold, with the budget of a lower objective."""
        total, bad = (n * 60 * 720 for n in self.rows.counts)
        slo = slo_status(total=total, bad=bad, error_budget_remaining=0.9, burn_rate_1h=4.0)
        slo = msgspec.structs.replace(slo, **fields)
        made = snapshot(name, slo, evaluated_at=self.now)
        self.work.services[SHARD].apply(made, self.now)

    async def later(self, seconds: float, *, alive: bool = True) -> None:
        """Let time pass, with the shard's owner alive or not, and tick."""
        self.now += timedelta(seconds=seconds)
        if alive:
            self.work.services[SHARD].apply(heartbeat(SHARD, self.now), self.now)
        await self.forecaster.tick()


@pytest.fixture
async def process() -> ForecastProcess:
    made = ForecastProcess("cart", "checkout")
    await made.begin()
    return made


async def test_each_service_is_published_to_its_shard_and_stored(process: ForecastProcess) -> None:
    await process.forecaster.tick()
    assert [f.service_name for f in process.broker.sent] == ["cart", "checkout"]
    assert process.broker.partitions == [SHARD, SHARD]
    assert process.rows.stored == ["cart", "checkout"]
    first = process.broker.sent[0]
    assert (first.epoch, first.evaluated_at, first.data_status) == (7, NOW, DataStatus.OK)
    assert first.slos[0].slope_per_hour == pytest.approx(0, abs=1e-9)
    assert first.slos[0].data_points_used == 48
    await process.forecaster.tick()
    assert len(process.broker.sent) == 2


async def test_objectives_are_published_in_the_order_of_their_targets(
    process: ForecastProcess,
) -> None:
    spent_later, spent_first = (
        slo_status(id=number, name=name, total=1, error_budget_remaining=left)
        for number, name, left in ((1, "z", 0.5), (2, "a", -0.1))
    )
    made = snapshot("cart", spent_later, spent_first, epoch=2)
    process.work.services[SHARD].apply(made, NOW)
    await process.forecaster.tick()
    assert [slo.name for slo in process.broker.sent[0].slos] == ["z", "a"]


async def test_what_is_known_is_not_read_again(process: ForecastProcess) -> None:
    await process.forecaster.tick()
    everything = process.rows.blocks_read
    assert everything == MINUTES + 30 * 24 + 24
    await process.later(30)
    assert process.rows.blocks_read - everything <= 2 * (15 + 2) + 2
    await process.later(300)
    assert process.rows.blocks_read > 2 * everything - 100


async def test_imported_history_is_not_known_until_it_is_read_and_then_at_once(
    process: ForecastProcess,
) -> None:
    imported = process.rows.counts
    process.rows.counts = (0, 0)
    await process.forecaster.tick()
    everything = MINUTES + 30 * 24 + 24
    assert process.rows.blocks_read == 2 * everything  # and once more, since a snapshot has more
    [unknown, _] = [forecast.slos[0] for forecast in process.broker.sent]
    assert unknown.forecast_status == "catching_up"
    assert unknown.time_to_exhaustion_hours is None
    assert unknown.data_points_used == 0
    assert unknown.confidence_level == "low"
    assert "is not known yet" in unknown.forecast_message
    assert "not expected" not in unknown.forecast_message

    process.rows.counts = imported
    await process.later(2)
    assert len(process.broker.sent) == 2
    process.count("cart")
    await process.later(1)
    [cart, checkout] = process.broker.sent[2:]
    assert [f.slos[0].forecast_status for f in (cart, checkout)] == ["known", "known"]
    assert cart.slos[0].data_points_used == 48
    assert cart.slos[0].time_to_exhaustion_hours is not None
    assert process.rows.blocks_read < 3.1 * everything


async def test_an_import_that_goes_on_is_followed_every_few_ticks(
    process: ForecastProcess,
) -> None:
    await process.forecaster.tick()
    for more in range(2, 6):
        process.rows.counts = (1000 * more, 4 * more)
        process.now += timedelta(seconds=1)
        process.count("cart")
        await process.later(2)
        newest = [f for f in process.broker.sent if f.service_name == "cart"][-1]
        assert newest.slos[0].forecast_status == "known"
        assert newest.evaluated_at == process.now


async def test_a_snapshot_behind_the_counts_is_not_forecast_either(
    process: ForecastProcess,
) -> None:
    """What leaves the window and what is in it have to be of the same counts."""
    process.rows.counts = (3000, 4)
    process.now += timedelta(seconds=1)
    process.count("cart", total=1000 * 60 * 720)
    await process.forecaster.tick()
    cart = process.broker.sent[0].slos[0]
    assert cart.forecast_status == "catching_up"


async def test_that_a_budget_is_spent_is_known_from_the_snapshot_alone(
    process: ForecastProcess,
) -> None:
    process.rows.counts = (0, 0)
    process.now += timedelta(seconds=1)
    process.count("cart", error_budget_remaining=-0.5, total=1000, bad=4)
    await process.forecaster.tick()
    spent = process.broker.sent[0].slos[0]
    assert (spent.forecast_status, spent.time_to_exhaustion_hours) == ("catching_up", 0.0)
    assert spent.projected_exhaustion_time == process.now
    assert spent.unblocked_at is None
    assert "is spent, 150% of it is used. When it comes back is not known" in spent.forecast_message


async def test_what_could_not_be_read_is_read_in_full_next_time(process: ForecastProcess) -> None:
    process.rows.failing = True
    with pytest.raises(OSError, match="refused"):
        await process.forecaster.tick()
    process.rows.failing, process.rows.failing_hours = False, True
    with pytest.raises(OSError, match="lost"):
        await process.forecaster.tick()
    assert process.rows.blocks_read == MINUTES
    assert process.broker.sent == []
    process.rows.failing_hours = False
    await process.forecaster.tick()
    assert process.rows.blocks_read == 2 * MINUTES + 30 * 24 + 24
    assert process.broker.sent[0].slos[0].data_points_used == 48


async def test_what_could_not_be_published_is_due_again(process: ForecastProcess) -> None:
    process.broker.failing = True
    with pytest.raises(UnknownOutcomeError):
        await process.forecaster.tick()
    assert process.rows.stored == []
    process.broker.failing = False
    await process.later(1)
    assert len(process.broker.sent) == 2


async def test_a_silent_shard_is_forecast_as_lagging(process: ForecastProcess) -> None:
    await process.forecaster.tick()
    await process.later(31, alive=False)
    lagging = process.broker.sent[2:]
    assert [f.service_name for f in lagging] == ["cart", "checkout"]
    assert all(f.data_status is DataStatus.LAGGING for f in lagging)
    assert all(slo.confidence_level == "low" for f in lagging for slo in f.slos)
    await process.later(1)
    assert all(f.data_status is DataStatus.OK for f in process.broker.sent[4:])
    assert len(process.broker.sent) == 6


async def test_a_snapshot_that_makes_no_sense_stops_no_other(process: ForecastProcess) -> None:
    process.now += timedelta(seconds=1)
    process.count("cart", objective=1.0)
    await process.forecaster.tick()
    assert [f.service_name for f in process.broker.sent] == ["checkout"]
    await process.forecaster.tick()
    assert len(process.broker.sent) == 1


async def test_a_retired_service_is_not_forecast(process: ForecastProcess) -> None:
    process.retired.apply(ServiceChanged(1, 1, "cart", 1, "team", None, retired=True))
    await process.forecaster.tick()
    assert [f.service_name for f in process.broker.sent] == ["checkout"]


async def test_a_shard_that_is_not_read_to_its_end_or_lost_is_left_alone(
    process: ForecastProcess,
) -> None:
    process.own.state_topics.ends["slo.burnrates.v1"] = 9
    await process.forecaster.tick()
    assert process.broker.sent == []
    process.own.state_topics.ends.clear()
    process.ledger.owned.clear()
    await process.forecaster.tick()
    assert process.broker.sent == []
    process.work.release(SHARD)
    assert not process.work.services
    assert not process.work.counts


async def test_a_tick_takes_no_more_than_it_may_and_the_rest_come_next() -> None:
    process = ForecastProcess(*[f"service-{n}" for n in range(25)], FORECAST_MAX_PER_TICK=10)
    await process.begin()
    for expected in (10, 20, 25, 25):
        await process.forecaster.tick()
        assert len({f.service_name for f in process.broker.sent}) == expected
        assert len(process.broker.sent) == expected
