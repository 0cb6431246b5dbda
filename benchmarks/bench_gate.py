"""From the event that tips a service over FREEZE to BLOCK on the REST interface.

The whole stack runs as `make up` starts it, without the simulator. Each service first reports
good counts only; then each one, at another moment of the tick, reports failures.
"""

import asyncio
import time
from datetime import UTC, datetime

import httpx
import numpy as np
from aiokafka import AIOKafkaProducer
from real_run import SHARDS, on_a_stack, options

from common.events import MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from tests.support.servers.stack import Stack

TICK_SECONDS = 1.0
MARK_SECONDS = TICK_SECONDS + 1.0
SPREAD_SECONDS = 0.137  # no divisor of the tick, so that every moment of it comes up
POLL_SECONDS = 0.02
GIVE_UP_SECONDS = 30.0
TOTAL = 1_000


async def report(producer: AIOKafkaProducer, name: str, bad: int) -> None:
    """Send one event, acknowledged by the broker."""
    event = MetricEvent(
        name, datetime.now(UTC), total=TOTAL, bad=bad, source="edge", event_id=f"{bad}"
    )
    partition = shard_of(name, SHARDS)
    await producer.send_and_wait(METRICS.name, encode(event), partition=partition)


async def decided(client: httpx.AsyncClient, name: str, decision: str) -> float:
    """Return the seconds until the service's decision is as wanted."""
    began = time.perf_counter()
    while time.perf_counter() - began < GIVE_UP_SECONDS:
        answer = await client.get(f"/api/release/{name}")
        if answer.status_code == httpx.codes.OK and answer.json()["decision"] == decision:
            return time.perf_counter() - began
        await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"{name}: {answer.status_code} {answer.text[:300]}")


async def trial(client: httpx.AsyncClient, producer: AIOKafkaProducer, name: str) -> float:
    """Tip a service over; return the seconds from the event to the BLOCK."""
    began = time.perf_counter()
    await report(producer, name, TOTAL)
    await decided(client, name, "BLOCK")
    return time.perf_counter() - began


async def run(stack: Stack, trials: int) -> None:
    """Let every service be good, then tip them over one by one; print the delays."""
    names = [f"service-{i:03d}" for i in range(trials)]
    producer = AIOKafkaProducer(bootstrap_servers=stack.variables["KAFKA_BOOTSTRAP_SERVERS"])
    await producer.start()
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False, timeout=30) as client:
        for name in names:
            await report(producer, name, 0)
        for name in names:
            await decided(client, name, "ALLOW")
        async with asyncio.TaskGroup() as group:
            tasks = []
            for name in names:
                tasks.append(group.create_task(trial(client, producer, name)))
                await asyncio.sleep(SPREAD_SECONDS)
    await producer.stop()
    delays = [task.result() for task in tasks]
    p50, p99 = np.percentile(delays, [50, 99])
    print(f"{trials} services tipped over: to BLOCK median {p50:.2f} s, p99 {p99:.2f} s", end=" ")
    print(f"(mark: {MARK_SECONDS:.0f} s), longest {max(delays):.2f} s")


def main() -> None:
    """Run the stack, tip its services over, end it."""
    chosen = options(__doc__, trials=100)
    on_a_stack(lambda stack: run(stack, chosen.trials))


if __name__ == "__main__":
    main()
