"""What the benchmarks share: real servers, what services report, measuring apart."""

import argparse
import asyncio
import logging
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
import structlog
from aiokafka import AIOKafkaProducer

sys.path.insert(0, str(Path(__file__).parents[1]))

from burnline.localstack.config import DataDir
from burnline.localstack.kafka import kafka_node
from burnline.localstack.ports import LOOPBACK, Reservations
from burnline.localstack.postgres import PostgresNode
from burnline.localstack.postgres_home import forget_home, open_home
from common.events import MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from tests.support.servers.running import migrate, running
from tests.support.servers.stack import Stack, own_stack

SHARDS = 4
Found = TypeVar("Found")


class Fields(msgspec.Struct, gc=False):
    """The four fields of a metric event that a baseline decodes."""

    service: str
    timestamp: str
    total: int
    bad: int


@dataclass(frozen=True, slots=True)
class Servers:
    """A broker, and what makes a migrated database of a name and returns its address."""

    bootstrap: str
    new_database: Callable[[str], str]


@contextmanager
def postgres() -> Iterator[Callable[[str], str]]:
    """Run a real PostgreSQL until the block ends; give what makes a migrated database."""
    with tempfile.TemporaryDirectory() as folder, closing(Reservations()) as reservations:
        data_dir = DataDir(Path(folder))
        data_dir.logs.mkdir(parents=True)
        node = PostgresNode(open_home(data_dir), LOOPBACK, reservations.take_any())

        def new_database(name: str) -> str:
            asyncio.run(node.ensure_database(name))
            migrate(node.url(name))
            return node.url(name)

        with running(node.command(), data_dir.logs):
            yield new_database
        forget_home(data_dir)


@contextmanager
def servers() -> Iterator[Servers]:
    """Run a real Kafka and a real PostgreSQL until the block ends."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Reservations()) as reservations,
        postgres() as new_database,
    ):
        broker = kafka_node(Path(folder) / "kafka", reservations)
        with running(broker.command(), Path(folder)):
            yield Servers(broker.bootstrap_servers, new_database)


def on_a_stack(run: Callable[[Stack], Coroutine[Any, Any, None]]) -> None:
    """Run on a stack that starts as `make up` starts it, and that is ended and forgotten."""
    with own_stack() as stack:
        asyncio.run(run(stack))


def options(described: str | None, **defaults: int) -> argparse.Namespace:
    """Return the whole numbers that the command line gives, by name."""
    arguments = argparse.ArgumentParser(description=described)
    for name, value in defaults.items():
        arguments.add_argument(f"--{name}", type=int, default=value)
    return arguments.parse_args()


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

    def __str__(self) -> str:
        return f"{self.per_second:9,.0f}/s {self.cpu_micros:5.2f} us"


def measured(measure: Callable[..., Coroutine[Any, Any, Found]], *arguments: object) -> Found:
    """Run a measurement in a process of its own, so that none inherits another's heap."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(_run, measure, arguments).result()


def _run(measure: Callable[..., Coroutine[Any, Any, Found]], arguments: Sequence[object]) -> Found:
    logging.disable(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return asyncio.run(measure(*arguments))
