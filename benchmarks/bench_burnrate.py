"""Burnrate end to end against the bare client: the same records, the same broker, in turn.

Baseline: aiokafka reads a topic's records and msgspec decodes four fields of each. Measured: the
service reads the same records and has their counts, marks and offsets committed to PostgreSQL.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from real_run import SHARDS, Fields, Pace, Servers, measured, options, produce, servers

from burnrate.settings import BurnrateSettings
from common.config.settings import KafkaSettings
from common.kafka.topics import METRICS, ensure_topics
from tests.support.burnrate_service import burnrate, burnrate_settings

Applied = Callable[[], Awaitable[int]]
STEADY = (0.2, 0.9)  # of all events committed
_APPLIED = "SELECT sum(next_offset) FROM burnrate.shard_offset"


async def bare(bootstrap: str, events: int) -> Pace:
    """Measure the client and the decoder alone."""
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await client.start()
    partitions = [TopicPartition(METRICS.name, shard) for shard in range(SHARDS)]
    client.assign(partitions)
    await client.seek_to_beginning(*partitions)
    decode = msgspec.json.Decoder(Fields).decode
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

    settings = burnrate_settings(url, bootstrap)
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


def main() -> None:
    """Run the rounds and print the median of their ratios."""
    chosen = options(__doc__, events=600_000, services=1_000, rounds=5)
    with servers() as real:
        rounds(real, chosen)


def rounds(real: Servers, chosen: argparse.Namespace) -> None:
    """Alternate the two measurements and print each round."""
    asyncio.run(ensure_topics(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=real.bootstrap), SHARDS))
    asyncio.run(produce(real.bootstrap, chosen.events, chosen.services))
    ratios = []
    for number in range(chosen.rounds):
        url = real.new_database(f"round_{number}")
        base = measured(bare, real.bootstrap, chosen.events)
        ours = measured(whole, real.bootstrap, url, chosen.events)
        ratios.append(ours.per_second / base.per_second)
        print(f"round {number + 1}: bare {base}  burnrate {ours}  ratio {ratios[-1]:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f} over {len(ratios)} rounds (mark: 0.7)")


if __name__ == "__main__":
    main()
