"""Burnrate end to end against the bare client: the same records, the same broker, in turn.

Baseline: aiokafka reads a topic's records and msgspec decodes four fields of each. Measured: the
service reads the same records and has their counts, marks and offsets committed to PostgreSQL.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from burnline.broker import kafka_node  # noqa: E402 - the project's folder comes first
from burnline.config import DataDir  # noqa: E402
from burnline.ports import LOOPBACK, Reservations  # noqa: E402
from burnline.postgres import PostgresNode  # noqa: E402
from burnline.postgres_home import forget_home, open_home  # noqa: E402
from common.events import MetricEvent, encode  # noqa: E402
from common.settings import KafkaSettings  # noqa: E402
from common.sharding import shard_of  # noqa: E402
from common.topics import METRICS, ensure_topics  # noqa: E402
from tests.burnrate_service import SHARDS, TestSettings, applied, burnrate  # noqa: E402
from tests.plugin import migrate  # noqa: E402
from tests.servers import running  # noqa: E402


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


async def bare(bootstrap: str, events: int) -> float:
    """Return records per second of the client and the decoder alone."""
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await client.start()
    partitions = [TopicPartition(METRICS.name, shard) for shard in range(SHARDS)]
    client.assign(partitions)
    await client.seek_to_beginning(*partitions)
    decode = msgspec.json.Decoder(_Fields).decode
    seen, began = 0, time.perf_counter()
    while seen < events:
        for records in (await client.getmany(timeout_ms=1000, max_records=5000)).values():
            for record in records:
                decode(record.value)
            seen += len(records)
    took = time.perf_counter() - began
    await client.stop()
    return events / took


async def whole(bootstrap: str, url: str, events: int) -> float:
    """Return records per second of the service, from the first to the last committed."""
    async with burnrate(TestSettings(url, bootstrap)):
        while not (before := await applied(url)):
            await asyncio.sleep(0.01)
        began = time.perf_counter()
        while await applied(url) < events:
            await asyncio.sleep(0.02)
        return (events - before) / (time.perf_counter() - began)


def main() -> None:
    """Run the rounds and print the ratio of their medians."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=300_000)
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
        base = asyncio.run(bare(bootstrap, options.events))
        ours = asyncio.run(whole(bootstrap, url, options.events))
        ratios.append(ours / base)
        rates = f"bare {base:9,.0f}/s  burnrate {ours:9,.0f}/s"
        print(f"round {number + 1}: {rates}  ratio {ratios[-1]:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f} over {len(ratios)} rounds")


if __name__ == "__main__":
    main()
