"""Publish records, and read topics as batches or as whole tables."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeAlias, cast

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from common.config.settings import KafkaSettings
from common.kafka.fetch_watch import FetchWatch
from common.kafka.headers import SENDER_HEADER
from common.kafka.tolerant_records import install, skip_undecodable
from common.observability.logging import CORRELATION_HEADER, correlation_id
from common.observability.tracing import trace_headers

log = structlog.get_logger()

install()

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
Headers = Sequence[tuple[str, bytes]]
Outgoing = tuple[str, bytes | None, bytes | None, int | None, Headers]
"""Topic, value, key, partition (None: by the key), headers."""


_SENT_IN_A_TURN = 100
MOST_SENDER_CHARACTERS = 256


class UnknownOutcomeError(Exception):
    """Kafka did not acknowledge in time: the record may or may not be written."""


def parse_batch(records: tuple[Record, ...]) -> KafkaMessage:
    """Wrap a batch without looking inside, so that no record can make it fail.

    FastStream's own parser decodes every header and gives a whole batch up on a bad one.
    """
    return KafkaMessage(
        body=records,
        headers={},
        batch_headers=[],
        reply_to="",
        content_type=None,
        message_id=f"{records[0].offset}-{records[-1].offset}",
        correlation_id=None,
        raw_message=records,
        path={},
        consumer=FAKE_CONSUMER,
    )


def decode_batch(message: KafkaMessage) -> Sequence[Record]:
    """Return the records as they are."""
    return cast("Sequence[Record]", message.raw_message)


def header(record: Record, name: str) -> str | None:
    """Return a header's text; None where it is missing, null, empty or not UTF-8."""
    for key, value in record.headers or ():
        if key == name and value is not None:
            try:
                return value.decode() or None
            except UnicodeDecodeError:
                return None
    return None


def sender_of(record: Record) -> str:
    """Return the credential that ingest took a record from; empty where none is known.

    Whoever writes to Kafka may send any header: what no database holds is left out.
    """
    return (header(record, SENDER_HEADER) or "").replace("\0", "")[:MOST_SENDER_CHARACTERS]


class Sender(Protocol):
    """The part of a publisher that sends records; tests have their own."""

    async def send_all(self, records: Sequence[Outgoing]) -> Any:
        """Send in order; raise UnknownOutcomeError unless all are acknowledged in time."""


class Publisher:
    """Publish with an idempotent producer, in order within a partition, within a time limit."""

    def __init__(self, kafka: KafkaSettings, timeout_seconds: float = 8.0) -> None:
        self._kafka, self._timeout_seconds = kafka, timeout_seconds
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def send_all(self, records: Sequence[Outgoing]) -> list[RecordMetadata]:
        """Send in order; return where each one stands.

        Raises UnknownOutcomeError unless all in-sync replicas acknowledge all of them in time.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                producer = await self._started()
                pending = []
                for topic, value, key, partition, own in records:
                    pending.append(
                        await producer.send(
                            topic, value, key=key, partition=partition, headers=[*own]
                        )
                    )
                    if len(pending) % _SENT_IN_A_TURN == 0:
                        await asyncio.sleep(0)  # or thousands of records hold the loop
                return list(await asyncio.gather(*pending))
        except TimeoutError as error:
            raise UnknownOutcomeError("no acknowledgement in time") from error
        except KafkaError as error:
            self._discard()
            raise UnknownOutcomeError(str(error) or type(error).__name__) from error

    def _discard(self) -> None:
        """Replace the producer: after a fatal error an idempotent one refuses everything."""
        if self._producer is not None:
            closing = asyncio.create_task(self._producer.stop())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._producer = None

    async def check(self, timeout_seconds: float = 2.0) -> None:
        """Raise UnknownOutcomeError where no broker answers in time; nothing is written."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await (await self._started()).client.fetch_all_metadata()
        except (TimeoutError, KafkaError) as error:
            raise UnknownOutcomeError(str(error) or type(error).__name__) from error

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._kafka.client_options(),
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=2,
                    request_timeout_ms=10_000,
                    max_request_size=1_048_576,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        """Send what is left and close."""
        if self._producer is not None:
            await self._producer.stop()


def correlation_headers() -> list[tuple[str, bytes]]:
    """Return the headers that carry the present correlation id and trace, if there are any."""
    current = correlation_id()
    found = [(CORRELATION_HEADER, current.encode())] if current else []
    return [*found, *trace_headers()]


class TableReader:
    """Read all partitions of topics without a group: from the beginning, then live.

    `on_records` is called with each batch, in order within a partition. `caught_up` is set
    once the end offsets found at the start have been reached. `on_start` is called whenever the
    reading begins at the beginning, so also after a broker has lost the topics.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Sequence[str],
        on_records: Callable[[Sequence[Record]], Awaitable[None]],
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._kafka, self._topics, self._on_records = kafka, topics, on_records
        self._on_start = on_start
        self.caught_up = asyncio.Event()
        self._fetches = FetchWatch()

    def failing(self) -> str | None:
        """Return why what was read may not be all that there is; None while it is."""
        if not self.caught_up.is_set():
            return "not read to its end yet, or Kafka does not answer"
        return self._fetches.failing(self._kafka.unready_seconds)

    async def run(self) -> None:
        """Read until cancelled, from the beginning again after each lost connection."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("table_reader_retry", topics=self._topics, error=repr(error))
                self.caught_up.clear()
                await asyncio.sleep(1)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._kafka.client_options(),
            enable_auto_commit=False,
            # a position that is gone is an error, after which everything is read again
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        async with started(consumer):
            partitions = await assign_all(consumer, self._topics)
            self._on_start()
            ends = await consumer.end_offsets(partitions)
            positions: dict[TopicPartition, int] = dict.fromkeys(partitions, 0)
            while True:
                batches: Mapping[Any, list[Record]] = await consumer.getmany(timeout_ms=200)
                for records in batches.values():
                    await self._on_records(records)
                for tp in partitions:
                    skip_undecodable(consumer, tp)
                self._fetches.look(consumer)
                if not self.caught_up.is_set():
                    for tp in partitions:
                        positions[tp] = await consumer.position(tp)
                    if all(positions[tp] >= ends[tp] for tp in partitions):
                        self.caught_up.set()


@asynccontextmanager
async def started(consumer: AIOKafkaConsumer) -> AsyncIterator[AIOKafkaConsumer]:
    """Start a consumer; stop it when the block ends, also where it could not be started."""
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def administrator(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give an administrator of the broker until the block ends."""
    admin = AIOKafkaAdminClient(**kafka.client_options())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def assign_all(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """Let a consumer read all partitions of topics from their beginning; return these."""
    partitions = []
    for topic in topics:
        numbers = await partitions_of(consumer, topic)
        partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    return partitions


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """Return the topic's partition numbers; raise KafkaError while it does not exist."""
    found = consumer.partitions_for_topic(topic)
    if found is None:
        await consumer._client.force_metadata_update()  # noqa: SLF001 - no public way
        await consumer._client.fetch_all_metadata()  # noqa: SLF001
        found = consumer.partitions_for_topic(topic)
    if not found:
        raise KafkaError(f"topic {topic} does not exist yet")
    return set(found)
