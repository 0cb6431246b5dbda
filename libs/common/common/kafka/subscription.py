"""Consume the topics of a service in its group, and pass the records to the ledger."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from common.config.settings import KafkaSettings
from common.kafka.client import Record, decode_batch, parse_batch, partitions_of, started

log = structlog.get_logger()

HEARTBEAT_SECONDS = 1.0
_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
COMMIT_SECONDS = 5.0
"""How often Kafka is given what is applied, and how long that may take."""


class Follower(Protocol):
    """The part of a ledger that a subscription drives; it is the consumer's listener as well."""

    async def handle(self, records: Sequence[Record]) -> None:
        """Take a batch as the client gives it; must not raise."""

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Take the function that finds the consumer."""


class Subscription:
    """A consumer of topics with equal partitions, in the group named after its service."""

    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        topics: Sequence[str],
        ledger: Follower,
        max_batch_records: int = 2000,
    ) -> None:
        self._ledger, self.broker = ledger, _broker(kafka)
        self._subscriber: Any = self.broker.subscriber(
            *topics,
            batch=True,
            group_id=group,
            # a member that comes back under its name takes its shards at once: the group need not
            # wait until the session of the one that was killed has ended
            group_instance_id=kafka.group_instance_id(),
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
            session_timeout_ms=int(kafka.kafka_session_seconds * 1000),
            heartbeat_interval_ms=int(HEARTBEAT_SECONDS * 1000),
            max_poll_interval_ms=60_000,
            rebalance_timeout_ms=60_000,
        )

        self._subscriber(self._on_records)
        ledger.attach(self.consumer)

    def consumer(self) -> AIOKafkaConsumer | None:
        """Return the client's consumer, which is there only while the broker is started."""
        found: AIOKafkaConsumer | None = self._subscriber.consumer
        return found

    async def _on_records(self, records: Sequence[Record]) -> None:
        await self._ledger.handle(records)

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Commit offsets to Kafka for tools that look at the group; we never read them.

        A failure is ignored: the next commit includes it.
        """
        consumer = self._subscriber.consumer
        if consumer is None or not next_offsets:
            return
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(COMMIT_SECONDS):
                await consumer.commit(dict(next_offsets))

    async def stop(self) -> None:
        """Leave the group and close, so that others take the shards at once.

        aiokafka lets a member with an instance id stay until its session ends: that is meant for
        one that comes back soon, which nobody knows of a process that is asked to stop.
        """
        consumer = self._subscriber.consumer
        if consumer is not None and consumer._coordinator is not None:  # noqa: SLF001 - see below
            consumer._coordinator._group_instance_id = None  # noqa: SLF001 - no public way
        await self.broker.stop()

    def consuming(self) -> bool:
        """Return whether the consume loop is running; FastStream may end it and stay up."""
        return self._subscriber.running and any(not task.done() for task in self._subscriber.tasks)


def _broker(kafka: KafkaSettings) -> KafkaBroker:
    return KafkaBroker(
        list(kafka.bootstrap_servers),
        security=security_of(kafka),
        apply_types=False,
        consumer_only=True,
        logger=None,
        graceful_timeout=10,
    )


def security_of(kafka: KafkaSettings) -> BaseSecurity:
    """Return the settings' security as FastStream names it."""
    options = kafka.security_options()
    tls: dict[str, Any] = {
        "ssl_context": options.get("ssl_context"),
        "use_ssl": kafka.kafka_protocol.endswith("SSL"),
    }
    if not kafka.kafka_protocol.startswith("SASL"):
        return BaseSecurity(**tls)
    kind = _SASL[kafka.kafka_mechanism]
    return kind(options["sasl_plain_username"], options["sasl_plain_password"], **tls)


async def count_shards(kafka: KafkaSettings, topics: Sequence[str]) -> int:
    """Wait for the topics; return their partition count, which must be one."""
    while True:
        try:
            async with started(AIOKafkaConsumer(**kafka.client_options())) as consumer:
                counts = {topic: len(await partitions_of(consumer, topic)) for topic in topics}
        except (KafkaError, OSError) as error:
            log.warning("waiting_for_topics", error=repr(error))
            await asyncio.sleep(1)
        else:
            if len(set(counts.values())) == 1:
                return counts[topics[0]]
            raise SystemExit(f"topics with the same shards have unequal partitions: {counts}")
