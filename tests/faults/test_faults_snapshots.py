"""A snapshot made by an owner that has been replaced never wins, wherever it arrives."""

import asyncio
import time

import msgspec

from tests.faults.scenario import Scenario
from tests.faults.schedules import BURST, send_while


async def test_zombie_thawed_between_evaluation_and_publishing(scenario: Scenario) -> None:
    gateway, zombie = scenario.gateway(), scenario.member("zombie")
    successor = scenario.member("successor")
    gateway.start()
    zombie.start("evaluator.before_publish:7:STOP")
    await send_while(scenario, zombie, "evaluator.before_publish")
    await scenario.forget_members()
    successor.start()
    await scenario.send(scenario.traffic.take(2 * BURST))
    assert await scenario.differences() == []
    await gateway.wait_ready()
    assert await scenario.rest_differences(gateway.url) == []
    zombie.thaw()
    await wait_for_stale_snapshot(scenario)
    assert await scenario.differences() == []
    assert await scenario.rest_differences(gateway.url) == []


async def wait_for_stale_snapshot(scenario: Scenario) -> None:
    """Wait until the topic has a snapshot behind one of a later epoch of the same service."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        newest: dict[str, int] = {}
        for record in await scenario.published():
            result = msgspec.json.decode(record.value or b"{}")
            name, epoch = result.get("service_name"), result.get("epoch", 0)
            if name is not None:
                if epoch < newest.get(name, 0):
                    return
                newest[name] = epoch
        await asyncio.sleep(0.1)
    raise AssertionError("the zombie has published nothing")
