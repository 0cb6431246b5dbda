"""Servers that are killed, networks that are cut, groups that never rest."""

import asyncio
import random

import pytest

from tests.faults.harness.members import Member
from tests.faults.world import World
from tests.support.servers.proxy import Proxy

BURST = 150


async def test_postgres_killed_and_started_again(world: World) -> None:
    member = world.member("a")
    member.start()
    await member.wait_ready()
    for _ in range(2):
        await flow(world, 6)
        await world.cluster.postgres.kill()
        await flow(world, 4)
        await world.cluster.postgres.start()
        await flow(world, 3)
    await equal(world)


async def test_kafka_killed_and_started_again(world: World) -> None:
    member = world.member("a")
    member.start()
    await member.wait_ready()
    for _ in range(2):
        await flow(world, 6)
        flowing = asyncio.create_task(flow(world, 6))
        await world.cluster.kafka.kill()
        await world.cluster.kafka.start()
        await flowing
    await equal(world)


@pytest.mark.parametrize("fault", ["cut", "black_hole", "hold"])
@pytest.mark.parametrize("server", ["postgres", "kafka"])
async def test_network_broken_and_healed(world: World, server: str, fault: str) -> None:
    member, proxy = world.member("a", proxied=True), proxy_of(world, server)
    member.start()
    await member.wait_ready()
    await flow(world, 4)
    getattr(proxy, fault)()
    await flow(world, 20)
    proxy.heal()
    await flow(world, 4)
    await equal(world)


async def test_slow_network(world: World) -> None:
    member = world.member("a", proxied=True)
    world.cluster.postgres_proxy.slow(delay_seconds=0.03)
    world.cluster.kafka_proxy.slow(delay_seconds=0.01, bytes_per_second=500_000)
    member.start()
    await flow(world, 20)
    await equal(world)


async def test_member_cut_off_from_kafka_is_replaced_and_fenced(world: World) -> None:
    lonely, other = world.member("lonely", proxied=True), world.member("other")
    lonely.start()
    await lonely.wait_ready()
    await flow(world, 4)
    other.start()
    world.cluster.kafka_proxy.black_hole()
    await world.forget_members()
    await other.wait_ready()
    await flow(world, 20)
    await world.wait_applied()
    world.cluster.kafka_proxy.heal()
    await flow(world, 4)
    await equal(world)


@pytest.mark.parametrize("count", [2, 3])
async def test_members_that_join_and_leave(world: World, count: int) -> None:
    choose = random.Random(count)
    members = [world.member(name) for name in "abc"[:count]]
    for member in members:
        member.start()
    await members[0].wait_ready()
    for _ in range(6):
        flowing = asyncio.create_task(flow(world, 8))
        await leave_and_join(world, choose.choice(members), choose)
        await flowing
    await equal(world)


async def leave_and_join(world: World, member: Member, choose: random.Random) -> None:
    if choose.random() < 0.5:
        await member.stop()
    else:
        member.kill()
        await world.forget_members()  # the others come back at their next heartbeat
    await asyncio.sleep(choose.uniform(0, 1))
    member.start()


async def flow(world: World, bursts: int) -> None:
    for _ in range(bursts):
        await world.send(world.traffic.take(BURST))
        await asyncio.sleep(0.15)


async def equal(world: World) -> None:
    found = await world.differences()
    assert not found, "\n".join(found)


def proxy_of(world: World, server: str) -> Proxy:
    cluster = world.cluster
    return {"postgres": cluster.postgres_proxy, "kafka": cluster.kafka_proxy}[server]
