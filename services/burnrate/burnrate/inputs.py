"""The input topics: how they are subscribed to, and into how many shards they are cut."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from common.kafka import Record, decode_batch, parse_batch, partitions_of
from common.ledger import ShardLedger
from common.settings import KafkaSettings
from common.topics import HISTORY, METRICS

log = structlog.get_logger()

INPUTS = (METRICS.name, HISTORY.name)
HEARTBEAT_SECONDS = 1.0
_COLLECTED_OBJECTS = 100_000


def collect_rarely() -> None:
    """Let the garbage collector look for cycles seldom, and never at what is there by now.

    A hundred thousand records may wait, and none of them is part of a cycle: at the usual pace
    looking at them again and again costs more than reading them.
    """
    gc.unfreeze()
    gc.collect()  # or what an earlier life of the service has left would stay for ever
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, 50, 50)


class Subscription:
    """The group's consumer of the input topics, whose batches go to one handler."""

    def __init__(
        self,
        kafka: KafkaSettings,
        max_batch_records: int,
        ledger: ShardLedger,
        handle: Callable[[Sequence[Record]], Awaitable[None]],
    ) -> None:
        self.broker = KafkaBroker(
            list(kafka.bootstrap_servers),
            apply_types=False,
            consumer_only=True,
            logger=None,
            graceful_timeout=10,
        )
        self._subscriber: Any = self.broker.subscriber(
            *INPUTS,
            batch=True,
            group_id="burnrate",
            ack_policy=AckPolicy.MANUAL,
            # the ledger seeks at each assignment and refuses offsets outside the log, so that
            # this only keeps a first start from waiting for a commit that never comes
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(RangePartitionAssignor,),
            max_records=max_batch_records,
            batch_timeout_ms=100,
            listener=ledger,
            parser=parse_batch,
            decoder=decode_batch,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=int(HEARTBEAT_SECONDS * 1000),
            max_poll_interval_ms=60_000,
            rebalance_timeout_ms=60_000,
        )
        self._subscriber(handle)
        ledger.attach(lambda: self._subscriber.consumer)

    def consuming(self) -> bool:
        """Tell whether the loop that reads is there; FastStream may end it and stay up."""
        return self._subscriber.running and any(not task.done() for task in self._subscriber.tasks)


async def count_shards(kafka: KafkaSettings) -> int:
    """Wait for the input topics; return their partition count, which must be one."""
    while True:
        consumer = AIOKafkaConsumer(**kafka.client_options())
        try:
            await consumer.start()
            counts = {topic: len(await partitions_of(consumer, topic)) for topic in INPUTS}
        except (KafkaError, OSError) as error:
            log.warning("waiting_for_topics", error=repr(error))
            await asyncio.sleep(1)
        else:
            if len(set(counts.values())) == 1:
                return counts[METRICS.name]
            raise SystemExit(f"the input topics must have equal partition counts, not {counts}")
        finally:
            await consumer.stop()
