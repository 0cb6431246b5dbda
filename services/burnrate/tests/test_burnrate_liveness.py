"""The running service and its watchdog, on real servers: what ends the process, what does not."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from faststream.exceptions import StopConsume
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from burnrate.app import Burnrate
from burnrate.settings import AllSettings, BurnrateSettings
from common.events import encode
from common.kafka.client import Record
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from common.ledger.shard import Batch
from common.storage.database import WriteSession
from tests.support.burnrate_service import (
    SHARDS,
    applied,
    boot,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
    publish,
    url,
)
from tests.support.waiting import PATIENCE_SECONDS

STALL_SECONDS = 2.0
NOWHERE = "postgresql://nobody:none@127.0.0.1:9/nothing"  # the discard port: nobody listens


class Exits:
    """Takes the place of the end of the process."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def __call__(self, status: int) -> None:
        self.statuses.append(status)

    async def wait(self, seconds: float) -> list[int]:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self.statuses and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        return self.statuses[:1]


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> Exits:
    found = Exits()
    monkeypatch.setattr("common.service.consumer.os._exit", found)
    return found


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return alert(burnrate_settings(new_database(), fresh_topics))


def alert(settings: AllSettings) -> AllSettings:
    settings.burnrate = BurnrateSettings(tick_seconds=0.2, stall_seconds=STALL_SECONDS)
    return settings


async def owning(service: Burnrate) -> None:
    async def owned() -> int:
        return len(service.ledger.owned)

    await eventually(owned, 4)


def reasons(logs: Sequence[Any]) -> list[str]:
    return [entry["reason"] for entry in logs if entry["event"] == "watchdog"]


async def test_a_transaction_that_hangs_ends_the_process(
    settings: AllSettings, exits: Exits, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_session: object, _batch: Batch) -> Callable[[], None]:
        await asyncio.Event().wait()
        raise AssertionError

    with capture_logs() as logs:
        async with burnrate(settings) as service:
            await owning(service)
            monkeypatch.setattr(service._work, "apply", hang)
            await publish(boot(settings), [event(event_id="a")])
            assert await exits.wait(PATIENCE_SECONDS) == [70]
    assert "is 1 records behind and has not moved for" in reasons(logs)[0]


async def test_a_consume_loop_that_ends_ends_the_process(
    settings: AllSettings, exits: Exits, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(_records: Sequence[Record]) -> None:
        raise StopConsume

    with capture_logs() as logs:
        async with burnrate(settings) as service:
            await owning(service)
            monkeypatch.setattr(service.ledger, "handle", stop)
            await publish(boot(settings), [event(event_id="a")])
            assert await exits.wait(PATIENCE_SECONDS) == [70]
    assert reasons(logs)[0] == "the consume loop has ended"


async def test_an_idle_service_and_one_that_works_are_let_be(
    settings: AllSettings, exits: Exits
) -> None:
    async with burnrate(settings) as service:
        await owning(service)
        assert await exits.wait(3 * STALL_SECONDS) == []
        await publish(boot(settings), [event(event_id=str(i)) for i in range(10)])
        await eventually(lambda: applied(url(settings)), 10)
        assert await exits.wait(2 * STALL_SECONDS) == []


async def test_a_database_that_is_away_is_waited_for(fresh_topics: str, exits: Exits) -> None:
    settings = alert(burnrate_settings(NOWHERE, fresh_topics))
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(event_id="a")])
        assert await exits.wait(4 * STALL_SECONDS) == []
        assert service.ledger.assigned() == {0, 1, 2, 3}
        assert service.ledger.owned == {}


async def test_without_a_database_it_says_on_and_on_that_it_cannot_commit(
    fresh_topics: str, exits: Exits
) -> None:
    """Other loops that are late for the same reason do not hide it."""
    settings = alert(burnrate_settings(NOWHERE, fresh_topics))
    settings.kafka = settings.kafka.model_copy(update={"unready_seconds": 1.0})
    with capture_logs() as logs:
        async with burnrate(settings) as service:

            async def late() -> bool:
                return "outbox" in await service.failing()

            async def tried() -> bool:
                return len([entry for entry in logs if entry.get("loop") == "commit"]) >= 3

            await eventually(late, expected=True)
            logs.clear()
            await eventually(tried, expected=True)
            assert (await service.failing()).keys() >= {"commit", "outbox"}
    assert exits.statuses == []


async def test_the_gauges_read_the_ledger(settings: AllSettings) -> None:
    async with burnrate(settings) as service:
        await owning(service)
        service.ledger.troubles.refusals[2] = "too much is wrong"
        assert REGISTRY.get_sample_value("burnline_consumer_refused_shards") == 1
        assert REGISTRY.get_sample_value("burnline_consumer_buffered_records") == 0
        assert REGISTRY.get_sample_value("burnline_consumer_buffered_bytes") == 0
        assert REGISTRY.get_sample_value("burnline_consumer_reading_paused") == 0
        assert (await service.failing())["shard 2"] == "too much is wrong"


async def test_the_end_of_a_transaction_is_no_lag(settings: AllSettings, exits: Exits) -> None:
    """It takes an offset that is never applied: no reason to call the shard late, or dead."""
    one = event(event_id="a")
    home = shard_of(one.service, SHARDS)
    client = AIOKafkaProducer(bootstrap_servers=boot(settings), transactional_id="test")
    async with burnrate(settings) as service:
        await owning(service)
        await client.start()
        async with client.transaction():
            await client.send_and_wait(METRICS.name, encode(one), partition=home)
        await client.stop()
        await eventually(lambda: applied(url(settings)), 1)
        began = datetime.now(UTC)

        async def seen_to_the_end() -> tuple[int | None, bool]:
            own = service.ledger.owned[home]
            return service.ledger.lag.get(home), own.oldest_applied() > began

        await eventually(seen_to_the_end, (0, True))
        assert service.ledger.owned[home].next_offsets[METRICS.name] == 1
        assert await exits.wait(2 * STALL_SECONDS) == []


async def test_slow_work_slows_the_reader_and_loses_nothing(
    settings: AllSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.burnrate = BurnrateSettings(
        tick_seconds=0.2,
        max_batch_records=100,
        max_flush_records=200,
        max_buffered_records=500,
    )
    most, pauses = 0, 0
    async with burnrate(settings) as service:
        work, ledger = service._work.apply, service.ledger

        async def slowly(session: WriteSession, batch: Batch) -> Callable[[], None]:
            nonlocal most, pauses
            await asyncio.sleep(0.1)
            most = max(most, ledger.buffered()[0])
            pauses += ledger.paused
            return await work(session, batch)

        monkeypatch.setattr(service._work, "apply", slowly)
        await publish(boot(settings), [event(event_id=str(i)) for i in range(4000)])
        await eventually(lambda: applied(url(settings)), 4000)
        assert not ledger.paused
    assert await counted(url(settings)) == {"checkout": (400_000, 4000)}
    assert pauses > 1
    assert 500 <= most <= 600
