"""What FastStream itself costs: processor time for each event, with it and without.

Both sides are members of a group with the same settings and give the same batches to the same
handler, which decodes four fields of each record. Baseline: a loop around aiokafka's getmany.
"""

import argparse
import asyncio
import math
import statistics
import time
from collections.abc import Collection, Sequence
from itertools import chain

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from real_run import SHARDS, Fields, Pace, measured, options, produce, servers

from burnrate.work import INPUTS, collect_rarely
from common.config.settings import KafkaSettings
from common.kafka.client import Record
from common.kafka.subscription import HEARTBEAT_SECONDS, Subscription
from common.kafka.topics import ensure_topics

BATCH_RECORDS = 2_000
MARK = 1.05
WARM_UP = 0.2  # of all events: the first ones meet a client that is still starting
_T_95_PERCENT = {5: 2.776, 9: 2.306, 15: 2.145}  # Student's, by rounds


class Handler(ConsumerRebalanceListener):  # type: ignore[misc]
    """Decodes what it is given, and notes when it has begun and when it has had enough."""

    def __init__(self, events: int) -> None:
        self._events, self._seen, self._skipped = events, 0, 0
        collect_rarely()  # as the service does, on either side
        self._decode = msgspec.json.Decoder(Fields).decode
        self._began = (0.0, 0.0)
        self.pace: asyncio.Future[Pace] = asyncio.get_running_loop().create_future()

    def attach(self, _: object) -> None:
        """Take no notice of the consumer: a ledger would."""

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Nothing is held."""

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Nothing is loaded."""

    async def handle(self, records: Sequence[Record]) -> None:
        """Decode a batch."""
        for record in records:
            self._decode(record.value or b"")
        self._seen += len(records)
        if not self._skipped and self._seen >= WARM_UP * self._events:
            self._skipped = self._seen
            self._began = (time.perf_counter(), time.process_time())
        if self._seen >= self._events and not self.pace.done():
            took = time.perf_counter() - self._began[0]
            spent, seen = time.process_time() - self._began[1], self._seen - self._skipped
            self.pace.set_result(Pace(seen / took, spent / seen * 1e6))


async def with_faststream(bootstrap: str, events: int) -> Pace:
    """Measure the subscription that burnrate uses."""
    handler = Handler(events)
    kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap)
    subscription = Subscription(kafka, "burnrate", INPUTS, handler, BATCH_RECORDS)
    await subscription.broker.start()
    pace = await handler.pace
    await subscription.broker.stop()
    return pace


async def without(bootstrap: str, events: int) -> Pace:
    """Measure a loop around getmany."""
    handler = Handler(events)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id="burnrate",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=10_000,
        heartbeat_interval_ms=int(HEARTBEAT_SECONDS * 1000),
    )
    await consumer.start()
    consumer.subscribe(INPUTS, listener=handler)
    while not handler.pace.done():
        batches = await consumer.getmany(timeout_ms=100, max_records=BATCH_RECORDS)
        if batches:
            await handler.handle(tuple(chain.from_iterable(batches.values())))
    await consumer.stop()
    return handler.pace.result()


def main() -> None:
    """Alternate the two and print the ratio of processor times with its 95 % interval."""
    chosen = options(__doc__, events=600_000, services=1_000, rounds=9)
    with servers() as real:
        topics = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=real.bootstrap)
        asyncio.run(ensure_topics(topics, SHARDS))
        asyncio.run(produce(real.bootstrap, chosen.events, chosen.services))
        print(interval(rounds(real.bootstrap, chosen)))


def rounds(bootstrap: str, chosen: argparse.Namespace) -> list[float]:
    """Return each round's ratio; who goes first changes from round to round."""
    ratios = []
    for number in range(chosen.rounds):
        sides = (without, with_faststream) if number % 2 else (with_faststream, without)
        paces = {side: measured(side, bootstrap, chosen.events) for side in sides}
        base, ours = paces[without], paces[with_faststream]
        ratios.append(ours.cpu_micros / base.cpu_micros)
        print(f"round {number + 1}: getmany {base}  FastStream {ours}  ratio {ratios[-1]:.3f}")
    return ratios


def interval(ratios: Sequence[float]) -> str:
    """Return the geometric mean and its 95 % interval (Student's t on the logarithms)."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.mean(logs)
    half = _T_95_PERCENT[len(logs)] * statistics.stdev(logs) / math.sqrt(len(logs))
    low, middle, high = (math.exp(mean + step) for step in (-half, 0, half))
    return f"ratio {middle:.3f}, 95 % interval {low:.3f} to {high:.3f} (mark: below {MARK})"


if __name__ == "__main__":
    main()
