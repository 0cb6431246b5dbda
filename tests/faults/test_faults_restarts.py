"""A consumer that is killed and comes back takes its shards at once, however long sessions are."""

import asyncio
import time
from functools import partial

import pytest

from burnline.localstack.services import readiness
from common.config.settings import KafkaSettings
from tests.faults.scenario import Scenario
from tests.support.burnrate_service import applied, eventually

KILLS, KILL_SECONDS = 4, 5.0
SESSION_SECONDS = 900
"""Far longer than any wait of these tests: whoever waited for its end would fail them."""


async def test_who_comes_back_under_its_name_goes_on_before_its_session_ends(
    scenario: Scenario,
) -> None:
    member = scenario.member(
        "a",
        BURNLINE_INSTANCE_ID="slot-1",
        KAFKA_SESSION_TIMEOUT_SECONDS=str(SESSION_SECONDS),
    )
    member.start()
    for _ in range(3):
        await scenario.send(scenario.traffic.take(200))
        assert await scenario.differences() == []
        member.kill()
        await scenario.send(scenario.traffic.take(200))
        member.start()
        assert await scenario.differences() == []


async def test_under_kills_every_five_seconds_all_is_counted_once(scenario: Scenario) -> None:
    """Between any two kills something is applied, while 200 events a second arrive."""
    member = scenario.member("a", BURNLINE_INSTANCE_ID="slot-1")
    sending = asyncio.create_task(send_on(scenario))
    member.start()
    for _ in range(KILLS):
        before, killed_at = await applied(scenario.database_url), time.monotonic()
        await eventually(partial(more_than, scenario.database_url, before), expected=True)
        await asyncio.sleep(max(0.0, killed_at + KILL_SECONDS - time.monotonic()))
        member.kill()
        member.start()
    await member.wait_ready()
    said = await readiness(member.url)
    assert said is not None
    assert f"{KILLS} crashes" in said.warnings["crash loop"]
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await scenario.send_again_what_is_unknown()
    assert await scenario.differences() == []


async def send_on(scenario: Scenario) -> None:
    """Send 200 events a second until cancelled."""
    while True:
        began = time.monotonic()
        await scenario.send(scenario.traffic.take(40))
        await asyncio.sleep(max(0.0, began + 0.2 - time.monotonic()))


async def more_than(database_url: str, before: int) -> bool:
    return await applied(database_url) > before


async def test_who_is_told_to_stop_leaves_its_shards_to_others(scenario: Scenario) -> None:
    first, second = (
        scenario.member(
            name,
            BURNLINE_INSTANCE_ID=name,
            KAFKA_SESSION_TIMEOUT_SECONDS=str(SESSION_SECONDS),
        )
        for name in ("first", "second")
    )
    first.start()
    await scenario.send(scenario.traffic.take(200))
    assert await scenario.differences() == []
    second.start()
    await second.wait_ready()
    await first.stop()
    await scenario.send(scenario.traffic.take(200))
    assert await scenario.differences() == []


@pytest.mark.parametrize("name", ["two words", "", "x" * 250, "name\n"])
def test_a_name_that_kafka_would_refuse_is_refused_at_the_start(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BURNLINE_INSTANCE_ID", name)
    if not name:
        assert KafkaSettings().group_instance_id() is None  # an empty variable is not set
        return
    with pytest.raises(ValueError, match="BURNLINE_INSTANCE_ID"):
        KafkaSettings()


def test_a_container_is_known_by_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNLINE_INSTANCE_ID", "hostname")
    monkeypatch.setattr("socket.gethostname", lambda: "burnrate-0")
    assert KafkaSettings().group_instance_id() == "burnrate-0"
