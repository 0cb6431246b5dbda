"""Burnrate end to end against the bare client: the same records, the same broker, in turn.

Baseline: aiokafka reads a topic's records and msgspec decodes four fields of each. Measured: the
service reads the same records and has their counts, marks and offsets committed to PostgreSQL.
"""

import argparse
import asyncio
import logging
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from burnline.broker import kafka_node  # noqa: E402 - the project's folder comes first
from burnline.config import DataDir  # noqa: E402
from burnline.ports import LOOPBACK, Reservations  # noqa: E402
from burnline.postgres import PostgresNode  # noqa: E402
from burnline.postgres_home import forget_home, open_home  # noqa: E402
from burnrate.settings import BurnrateSettings  # noqa: E402
from common.events import MetricEvent, encode  # noqa: E402
from common.settings import KafkaSettings  # noqa: E402
from common.sharding import shard_of  # noqa: E402
from common.topics import METRICS, ensure_topics  # noqa: E402
from tests.burnrate_service import SHARDS, TestSettings, burnrate  # noqa: E402
from tests.plugin import migrate  # noqa: E402
from tests.servers import running  # noqa: E402

Applied = Callable[[], Awaitable[int]]
STEADY = (0.2, 0.9)  # of all events committed
_APPLIED = "SELECT sum(next_offset) FROM burnrate.shard_offset"


class _Fields(msgspec.Struct, gc=False):
    service: str
    timestamp: str
    total: int
    bad: int


async def produce(bootstrap: str, events: int, services: int) -> None:
    """Write what services have reported every ten seconds, up to now, in order of time."""
    chance = Random(7)
    rounds = -(-events // services)
    began = datetime.now(UTC) - timedelta(seconds=10 * rounds)
    client = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, acks="all")
    await client.start()
    for number in range(rounds):
        at = began + timedelta(seconds=10 * number)
        pending = []
        for i in range(min(services, events - number * services)):
            name = f"service-{i:04d}"
            total = chance.randint(900, 1100)
            event = MetricEvent(
                name,
                at,
                total=total,
                bad=chance.randint(0, 3),
                source="edge-proxy",
                event_id=f"{chance.getrandbits(104):026x}",
            )
            sent = client.send(METRICS.name, encode(event), partition=shard_of(name, SHARDS))
            pending.append(await sent)
        await asyncio.gather(*pending)
    await client.stop()


@dataclass(frozen=True, slots=True)
class Pace:
    """Records per second, and the processor time (user and system) that each took."""

    per_second: float
    cpu_micros: float


async def bare(bootstrap: str, events: int) -> Pace:
    """Measure the client and the decoder alone."""
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await client.start()
    partitions = [TopicPartition(METRICS.name, shard) for shard in range(SHARDS)]
    client.assign(partitions)
    await client.seek_to_beginning(*partitions)
    decode = msgspec.json.Decoder(_Fields).decode
    seen, began, cpu = 0, time.perf_counter(), time.process_time()
    while seen < events:
        for records in (await client.getmany(timeout_ms=1000, max_records=5000)).values():
            for record in records:
                decode(record.value)
            seen += len(records)
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    await client.stop()
    return Pace(events / took, spent / events * 1e6)


async def whole(bootstrap: str, url: str, events: int) -> Pace:
    """Measure the service in its stride: neither its start nor its last, waiting flush."""
    watching = await asyncpg.connect(url)

    async def applied() -> int:
        return int(await watching.fetchval(_APPLIED) or 0)

    settings = TestSettings(url, bootstrap)
    settings.burnrate = BurnrateSettings()
    async with burnrate(settings):
        marks = [await _reached(applied, share * events) for share in STEADY]
    await watching.close()
    (began, cpu, first), (ended, cpu_then, last) = marks
    return Pace((last - first) / (ended - began), (cpu_then - cpu) / (last - first) * 1e6)


async def _reached(
    applied: Callable[[], Awaitable[int]], events: float
) -> tuple[float, float, int]:
    """Wait until so many are committed; return time, processor time, and how many are."""
    while (found := await applied()) < events:
        await asyncio.sleep(0.02)
    return time.perf_counter(), time.process_time(), found


def measured(measure: Callable[..., Coroutine[Any, Any, Pace]], *arguments: object) -> Pace:
    """Run a measurement in a process of its own, so that none inherits another's heap."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(_run, measure, arguments).result()


def _run(measure: Callable[..., Coroutine[Any, Any, Pace]], arguments: Sequence[object]) -> Pace:
    logging.disable(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return asyncio.run(measure(*arguments))


def main() -> None:
    """Run the rounds and print the ratio of their medians."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=600_000)
    arguments.add_argument("--services", type=int, default=1_000)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, closing(Reservations()) as reservations:
        data_dir = DataDir(Path(folder))
        data_dir.logs.mkdir(parents=True)
        broker = kafka_node(data_dir.path / "kafka", reservations)
        home = open_home(data_dir)
        postgres = PostgresNode(home, LOOPBACK, reservations.take_any())
        with (
            running(broker.command(), data_dir.logs, dict(os.environ)),
            running(postgres.command(), data_dir.logs, dict(os.environ)),
        ):
            rounds(broker.bootstrap_servers, postgres, options)
        forget_home(data_dir)


def rounds(bootstrap: str, postgres: PostgresNode, options: argparse.Namespace) -> None:
    """Alternate the two measurements and print each round."""
    asyncio.run(ensure_topics(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap), SHARDS))
    asyncio.run(produce(bootstrap, options.events, options.services))
    ratios = []
    for number in range(options.rounds):
        asyncio.run(postgres.ensure_database(f"round_{number}"))
        url = postgres.url(f"round_{number}")
        migrate(url)
        base = measured(bare, bootstrap, options.events)
        ours = measured(whole, bootstrap, url, options.events)
        ratios.append(ours.per_second / base.per_second)
        print(f"round {number + 1}: bare {_told(base)}  burnrate {_told(ours)}  {ratios[-1]:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f} over {len(ratios)} rounds")


def _told(pace: Pace) -> str:
    return f"{pace.per_second:9,.0f}/s {pace.cpu_micros:5.2f} us"


if __name__ == "__main__":
    main()
