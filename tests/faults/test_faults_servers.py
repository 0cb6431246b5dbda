"""Servers that are killed, networks that are cut, groups that never rest."""

import asyncio
import random

import pytest

from tests.faults.harness.members import Member
from tests.faults.scenario import Scenario
from tests.support.servers.proxy import Proxy

BURST = 150


async def test_postgres_killed_and_started_again(scenario: Scenario) -> None:
    member = scenario.member("a")
    member.start()
    await member.wait_ready()
    for _ in range(2):
        await flow(scenario, 6)
        await scenario.cluster.postgres.kill()
        await flow(scenario, 4)
        await scenario.cluster.postgres.start()
        await flow(scenario, 3)
    await equal(scenario)


async def test_kafka_killed_and_started_again(scenario: Scenario) -> None:
    member = scenario.member("a")
    member.start()
    await member.wait_ready()
    for _ in range(2):
        await flow(scenario, 6)
        flowing = asyncio.create_task(flow(scenario, 6))
        await scenario.cluster.kafka.kill()
        await scenario.cluster.kafka.start()
        await flowing
    await equal(scenario)


@pytest.mark.parametrize("fault", ["cut", "black_hole", "hold"])
@pytest.mark.parametrize("server", ["postgres", "kafka"])
async def test_network_broken_and_healed(scenario: Scenario, server: str, fault: str) -> None:
    member, proxy = scenario.member("a", proxied=True), proxy_of(scenario, server)
    member.start()
    await member.wait_ready()
    await flow(scenario, 4)
    getattr(proxy, fault)()
    await flow(scenario, 20)
    proxy.heal()
    await flow(scenario, 4)
    await equal(scenario)


async def test_slow_network(scenario: Scenario) -> None:
    member = scenario.member("a", proxied=True)
    scenario.cluster.postgres_proxy.slow(delay_seconds=0.03)
    scenario.cluster.kafka_proxy.slow(delay_seconds=0.01, bytes_per_second=500_000)
    member.start()
    await flow(scenario, 20)
    await equal(scenario)


async def test_member_cut_off_from_kafka_is_replaced_and_fenced(scenario: Scenario) -> None:
    lonely, other = scenario.member("lonely", proxied=True), scenario.member("other")
    lonely.start()
    await lonely.wait_ready()
    await flow(scenario, 4)
    other.start()
    scenario.cluster.kafka_proxy.black_hole()
    await scenario.forget_members()
    await other.wait_ready()
    await flow(scenario, 20)
    await scenario.wait_applied()
    scenario.cluster.kafka_proxy.heal()
    await flow(scenario, 4)
    await equal(scenario)


@pytest.mark.parametrize("count", [2, 3])
async def test_members_that_join_and_leave(scenario: Scenario, count: int) -> None:
    choose = random.Random(count)
    members = [scenario.member(name) for name in "abc"[:count]]
    for member in members:
        member.start()
    await members[0].wait_ready()
    for _ in range(6):
        flowing = asyncio.create_task(flow(scenario, 8))
        await leave_and_join(scenario, choose.choice(members), choose)
        await flowing
    await equal(scenario)


async def leave_and_join(scenario: Scenario, member: Member, choose: random.Random) -> None:
    if choose.random() < 0.5:
        await member.stop()
    else:
        member.kill()
        await scenario.forget_members()  # the others come back at their next heartbeat
    await asyncio.sleep(choose.uniform(0, 1))
    member.start()


async def flow(scenario: Scenario, bursts: int) -> None:
    for _ in range(bursts):
        await scenario.send(scenario.traffic.take(BURST))
        await asyncio.sleep(0.15)


async def equal(scenario: Scenario) -> None:
    found = await scenario.differences()
    assert not found, "\n".join(found)


def proxy_of(scenario: Scenario, server: str) -> Proxy:
    cluster = scenario.cluster
    return {"postgres": cluster.postgres_proxy, "kafka": cluster.kafka_proxy}[server]
