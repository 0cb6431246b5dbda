"""From a SIGKILL of a consumer to the first record that is applied again, and kills without end.

The whole stack runs as `make up` starts it, without the simulator, under 200 events and 20 changes
a second. burnrate and the gate have applied a record once their stored offsets move; forecast and
alerts store none: they have once they hold their shards and have read their state topics.

Then all four are killed every five seconds for a minute. Each is to get on between any two kills,
and at the end every event is to be counted once. Meanwhile the figures are asked for: none that is
older than an owner may be silent may say anything but `lagging`.
"""

import asyncio
import statistics
import struct
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer
from real_run import SHARDS, on_a_stack, options

from common.events import ChangeEvent, MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import CHANGES, METRICS
from common.slo.freshness import SHARD_SILENCE_SECONDS
from tests.support.servers.stack import Stack

SERVICES = 50
PER_SECOND = 200
EVENTS_FOR_A_CHANGE = 10
POLL_SECONDS = 0.02
SETTLE_SECONDS = 0.1  # what was committed in the moment of the kill is no recovery
REST_SECONDS = 4.0
KILL_SECONDS = 5.0
LOOK_SECONDS = 0.5
TICK_SECONDS = 1.0
EVENT_TOTAL = 100
GIVE_UP_SECONDS = 60.0
PORTS = {"forecast": "FORECAST_PORT", "alerts": "ALERTS_PORT"}
Applied = Callable[[], Awaitable[int]]


async def report(bootstrap: str, done: asyncio.Event) -> int:
    """Send events and changes at an even pace until it is done; return how many events."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        began, number = time.perf_counter(), 0
        while not done.is_set():
            name, now = f"service-{number % SERVICES:02d}", datetime.now(UTC)
            shard, own_id = shard_of(name, SHARDS), str(number)
            event = MetricEvent(name, now, total=EVENT_TOTAL, bad=1, source="edge", event_id=own_id)
            await producer.send(METRICS.name, encode(event), partition=shard)
            if number % EVENTS_FOR_A_CHANGE == 0:
                change = ChangeEvent(name, now, "deploy", event_id=own_id)
                await producer.send(CHANGES.name, encode(change), partition=shard)
            number += 1
            await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
    return number


def by_offsets(database: "asyncpg.Pool[asyncpg.Record]", schema: str) -> Applied:
    """Return what tells how many records a consumer has applied."""

    async def applied() -> int:
        query = f"SELECT sum(next_offset)::bigint FROM {schema}.shard_offset"  # noqa: S608
        return int(await database.fetchval(query) or 0)

    return applied


def by_readiness(client: httpx.AsyncClient, url: str) -> Applied:
    """Return what tells whether a consumer has read its state topics: 1 or 0."""

    async def applied() -> int:
        try:
            return int((await client.get(f"{url}/readyz")).is_success)
        except httpx.TransportError:
            return 0

    return applied


async def recovery(stack: Stack, name: str, applied: Applied) -> float:
    """Kill a consumer; return the seconds until it has applied something again."""
    await asyncio.to_thread(stack.kill, name)
    began = time.perf_counter()
    await asyncio.sleep(SETTLE_SECONDS)
    before = await applied()
    while await applied() <= before:
        if time.perf_counter() - began > GIVE_UP_SECONDS:
            raise TimeoutError(name)
        await asyncio.sleep(POLL_SECONDS)
    return time.perf_counter() - began


async def hurt(stack: Stack, name: str, applied: Applied, seconds: float) -> tuple[int, int]:
    """Kill a consumer every five seconds; return how often, and after how many it got on."""
    kills = got_on = 0
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if stack.process(name).identity is not None:  # else it is down since the last time
            await asyncio.to_thread(stack.kill, name)
        kills, next_kill = kills + 1, time.perf_counter() + KILL_SECONDS
        await asyncio.sleep(SETTLE_SECONDS)
        before, moved = await applied(), False
        while time.perf_counter() < next_kill:
            moved = moved or await applied() > before
            await asyncio.sleep(POLL_SECONDS)
        got_on += moved
    return kills, got_on


async def look(client: httpx.AsyncClient, ages: list[tuple[float, str]]) -> None:
    """Note the age and the status of a figure, again and again until cancelled."""
    while True:
        answer = await client.get("/api/slo/service-00")
        if answer.status_code == httpx.codes.OK:
            slo = answer.json()
            age = datetime.now(UTC) - datetime.fromisoformat(slo["timestamp"])
            ages.append((age.total_seconds(), slo["data_status"]))
        await asyncio.sleep(LOOK_SECONDS)


async def run(stack: Stack, kills: int, seconds: int) -> None:
    """Kill each consumer in turn, then all without end; print what became of them."""
    pool = await asyncpg.create_pool(stack.variables["DATABASE_URL"])
    done = asyncio.Event()
    load = asyncio.create_task(report(stack.variables["KAFKA_BOOTSTRAP_SERVERS"], done))
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False, timeout=5) as client:
        consumers = {name: by_offsets(pool, name) for name in ("burnrate", "gate")}
        for name, port in PORTS.items():
            consumers[name] = by_readiness(client, stack.state.address(port))
        taken: dict[str, list[float]] = {name: [] for name in consumers}
        for _ in range(kills):
            for name, applied in consumers.items():
                taken[name].append(await recovery(stack, name, applied))
                await asyncio.sleep(REST_SECONDS)
        for name, times in taken.items():
            median = statistics.median(times)
            print(
                f"{name:9} median of {kills} {median:.2f} s, longest {max(times):.2f} s (mark: 3)"
            )
        ages: list[tuple[float, str]] = []
        looking = asyncio.create_task(look(client, ages))
        hurting = (hurt(stack, name, applied, seconds) for name, applied in consumers.items())
        for name, (killed, got_on) in zip(taken, await asyncio.gather(*hurting), strict=True):
            print(f"{name:9} killed {killed} times in {seconds} s, got on after {got_on} of them")
        looking.cancel()
    done.set()
    sent = await load
    wrong = [f for f in ages if f[0] > SHARD_SILENCE_SECONDS + TICK_SECONDS and f[1] != "lagging"]
    print(f"{len(ages)} figures: the oldest {max(ages)[0]:.1f} s, {len(wrong)} old and not lagging")
    await settled(pool, sent)
    await pool.close()


async def settled(pool: "asyncpg.Pool[asyncpg.Record]", sent: int) -> None:
    """Wait until as many events are counted as were sent; say how many are."""
    deadline, counted = time.perf_counter() + GIVE_UP_SECONDS, -1
    while counted != sent and time.perf_counter() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        blocks = await pool.fetch(
            "SELECT counts FROM burnrate.count_block WHERE resolution_seconds = 3600"
        )
        rows = (row for block in blocks for row in struct.iter_unpack("<3q", block["counts"]))
        counted = sum(total for total, _, _ in rows) // EVENT_TOTAL
    print(f"{sent} events sent, {counted} counted")


def main() -> None:
    """Run the stack, hurt it, end it."""
    chosen = options(__doc__, kills=20, seconds=60)
    on_a_stack(lambda stack: run(stack, chosen.kills, chosen.seconds))


if __name__ == "__main__":
    main()
