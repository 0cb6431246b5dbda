"""Too many bad records stop a shard, too many services are refused: both said, nothing lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from burnrate.app import Burnrate
from burnrate.settings import AllSettings, BurnrateSettings
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS, METRICS_DEAD
from tests.support.burnrate_service import (
    SHARDS,
    applied,
    boot,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
    producer,
    publish,
    read_topic,
    url,
)

HOME = shard_of("checkout", SHARDS)
POISON = b"{"


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return burnrate_settings(new_database(), fresh_topics)


def tuned(settings: AllSettings, **values: float) -> AllSettings:
    given = {name.upper(): value for name, value in values.items()}
    settings.burnrate = BurnrateSettings.model_validate({"BURNRATE_TICK_SECONDS": 0.2, **given})
    return settings


async def refusal(service: Burnrate) -> str | None:
    return (await service.failing()).get(f"shard {HOME}")


async def test_bad_records_in_a_row_stop_the_shard_until_they_are_let_through(
    settings: AllSettings,
) -> None:
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(event_id="a")], partition=HOME)
        await eventually(lambda: applied(url(settings)), 1)
        await publish(boot(settings), [POISON] * 250 + [event(event_id="b")], partition=HOME)

        async def says_why() -> bool:
            return "200 records in a row are unreadable" in (await refusal(service) or "")

        await eventually(says_why, expected=True)
        assert "BURNRATE_MAX_BAD_RUN" in (await refusal(service) or "")
        assert await counted(url(settings)) == {"checkout": (100, 1)}
        assert await applied(url(settings)) == 1
    assert await read_topic(boot(settings), METRICS_DEAD.name) == []
    tuned(settings, burnrate_max_bad_ratio=1.0, burnrate_max_bad_run=1_000)
    async with burnrate(settings):
        await eventually(lambda: applied(url(settings)), 252)
    assert await counted(url(settings)) == {"checkout": (200, 2)}
    async with burnrate(settings):  # what the first did not send of its outbox, the next does

        async def letters() -> int:  # each at least once
            return len({x["offset"] for x in await read_topic(boot(settings), METRICS_DEAD.name)})

        await eventually(letters, 250)


async def test_events_that_are_too_old_stop_nobody_else(settings: AllSettings) -> None:
    old = datetime.now(UTC) - timedelta(hours=25)
    late = [event("late", event_id=str(n), timestamp=old) for n in range(400)]
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(event_id="a")])
        await publish(boot(settings), [*late, event(event_id="b")], partition=HOME)
        await eventually(lambda: counted(url(settings)), {"checkout": (200, 2)})
        await eventually(service.failing, {})


async def test_garbage_under_a_known_service_costs_that_service_alone(
    settings: AllSettings,
) -> None:
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(event_id="a")])
        await eventually(lambda: applied(url(settings)), 1)
        async with producer(boot(settings)) as client:
            for _ in range(400):
                await client.send(METRICS.name, POISON, key=b"checkout", partition=HOME)
        await publish(boot(settings), [event(event_id="b")])
        await eventually(lambda: counted(url(settings)), {"checkout": (200, 2)})
        await eventually(service.failing, {})


async def test_services_beyond_the_limit_are_dead_lettered(settings: AllSettings) -> None:
    tuned(settings, burnrate_max_services=2)
    async with burnrate(settings):
        for name in ("checkout", "cart"):
            await publish(boot(settings), [event(name, event_id="1")])
        await eventually(lambda: counted(url(settings)), {"checkout": (100, 1), "cart": (100, 1)})
        late = [event("search", event_id="1"), event("search", event_id="", total=7)]
        await publish(boot(settings), [*late, event("checkout", event_id="2")])
        await eventually(lambda: applied(url(settings)), 5)

        async def letters() -> set[tuple[str, str, int]]:
            found = await read_topic(boot(settings), METRICS_DEAD.name)
            return {(letter["code"], letter["field"], letter["offset"]) for letter in found}

        refused = {("too_many_services", "service", offset) for offset in (0, 1)}
        await eventually(letters, refused)
    assert await counted(url(settings)) == {"checkout": (200, 2), "cart": (100, 1)}
