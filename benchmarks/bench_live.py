"""From an event to its figures on the REST interface, and what a minute of it costs.

The whole stack runs as `make up` starts it, without the simulator. Every service reports each ten
seconds; of one report in twenty it is measured when `GET /api/slo/{service}` first shows it.
"""

import asyncio
import statistics
import time
from datetime import UTC, datetime

import httpx
import numpy as np
import psutil
from aiokafka import AIOKafkaProducer
from real_run import SHARDS, on_a_stack, options

from common.events import MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from tests.support.servers.stack import Stack

REPORT_SECONDS = 10
SAMPLED = 20  # one report in so many
POLL_SECONDS = 0.02
GIVE_UP_SECONDS = 30.0


class Load:
    """Reports of many services at an even pace, some of them followed to the REST interface."""

    def __init__(self, client: httpx.AsyncClient, producer: AIOKafkaProducer) -> None:
        self._client, self._producer = client, producer
        self._totals: dict[str, int] = {}
        self.delays: list[float] = []

    async def report(self, names: list[str], seconds: float) -> None:
        """Report for that long; return once the last sample has been seen."""
        pause, began = REPORT_SECONDS / len(names), time.perf_counter()
        async with asyncio.TaskGroup() as followed:
            for number in range(int(seconds / pause)):
                await asyncio.sleep(began + number * pause - time.perf_counter())
                name = names[number % len(names)]
                await self._send(name)
                if number % SAMPLED == 0:
                    followed.create_task(self._follow(name, self._totals[name]))

    async def _send(self, name: str) -> None:
        self._totals[name] = self._totals.get(name, 0) + 1_000
        event = MetricEvent(
            name,
            datetime.now(UTC),
            total=1_000,
            bad=1,
            source="edge-proxy",
            event_id=str(self._totals[name]),
        )
        shard = shard_of(name, SHARDS)
        await self._producer.send_and_wait(METRICS.name, encode(event), partition=shard)

    async def _follow(self, name: str, total: int) -> None:
        sent = time.perf_counter()
        while time.perf_counter() - sent < GIVE_UP_SECONDS:
            answer = await self._client.get(f"/api/slo/{name}")
            if answer.status_code == httpx.codes.OK and answer.json()["slos"][0]["total"] >= total:
                self.delays.append(time.perf_counter() - sent)
                return
            await asyncio.sleep(POLL_SECONDS)
        raise TimeoutError(f"{name}: {answer.status_code} {answer.text[:200]}")


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Return the processor time of each process of the stack, with its children."""
    found = {}
    for child in stack.state.children:
        if child.identity is not None:
            process = psutil.Process(child.identity.pid)
            family = [process, *process.children(recursive=True)]
            found[child.name] = sum(sum(p.cpu_times()[:2]) for p in family)
    return found


async def run(stack: Stack, services: int, seconds: int) -> None:
    """Warm up, measure, print."""
    names = [f"service-{i:04d}" for i in range(services)]
    bootstrap = stack.variables["KAFKA_BOOTSTRAP_SERVERS"]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False, timeout=30) as client:
        await producer.start()
        load = Load(client, producer)
        await load.report(names, 2 * REPORT_SECONDS)
        load.delays.clear()
        before = processor_seconds(stack)
        began = time.perf_counter()
        await load.report(names, seconds)
        minutes = (time.perf_counter() - began) / 60
        after = processor_seconds(stack)
        await producer.stop()
    p50, p99 = np.percentile(load.delays, [50, 99])
    spent = {name: (after[name] - before[name]) / minutes for name in after}
    print(f"{len(load.delays)} reports seen: median {p50:.2f} s, p99 {p99:.2f} s (mark: 2)")
    print(", ".join(f"{name} {used:.1f}" for name, used in spent.items()), end="")
    print(f": {sum(spent.values()):.1f} processor seconds for each minute")
    print(f"mean {statistics.mean(load.delays):.2f} s, longest {max(load.delays):.2f} s")


def main() -> None:
    """Run the stack, put load on it, end it."""
    chosen = options(__doc__, services=1_000, seconds=60)
    on_a_stack(lambda stack: run(stack, chosen.services, chosen.seconds))


if __name__ == "__main__":
    main()
