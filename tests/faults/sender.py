"""Sends traffic and keeps what Kafka acknowledged; what has no known outcome is sent again."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from common.kafka.topics import METRICS
from tests.faults.traffic import Sent, UnreadableName

_TIMEOUT_SECONDS: Final = 20.0
_PATIENCE_SECONDS: Final = 180.0
_RETRY_SECONDS: Final = 0.3
_BATCH_BYTES: Final = 16_384

Place = tuple[int, int]
"""Partition and offset on the metrics topic."""


class Sender:
    """A producer; `acknowledged` says which record stands where, as Kafka answered."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged: dict[Place, int] = {}
        self.unknown_outcomes = 0
        self._bootstrap = bootstrap
        self._producers: dict[bool, AIOKafkaProducer] = {}
        self._last_error: BaseException | None = None

    async def send(self, records: Sequence[Sent]) -> None:
        """Return once every record is acknowledged; Kafka may be away for a minute."""
        left, deadline = list(records), time.monotonic() + _PATIENCE_SECONDS
        while left:
            left = await self._attempt(left)
            if left:
                assert time.monotonic() < deadline, f"not acknowledged: {self._last_error!r}"
                self.unknown_outcomes += len(left)
                await self.stop()
                await asyncio.sleep(_RETRY_SECONDS)

    async def stop(self) -> None:
        """Close the producers; the next send makes new ones."""
        stopping = [asyncio.ensure_future(p.stop()) for p in self._producers.values()]
        self._producers.clear()
        if stopping:
            await asyncio.wait(stopping, timeout=2.0)
        for task in stopping:
            task.cancel()
        await asyncio.gather(*stopping, return_exceptions=True)

    async def _attempt(self, records: Sequence[Sent]) -> list[Sent]:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                pending = [await self._begin(record) for record in records]
        except (KafkaError, OSError, TimeoutError) as error:
            self._last_error = error
            return list(records)
        await asyncio.wait(pending, timeout=_TIMEOUT_SECONDS)
        failed = []
        for record, future in zip(records, pending, strict=True):
            if future.cancel() or future.cancelled() or future.exception() is not None:
                self._last_error = None if future.cancelled() else future.exception()
                failed.append(record)
            else:
                at = future.result()
                self.acknowledged[at.partition, at.offset] = record.number
        return failed

    async def _begin(self, record: Sent) -> "asyncio.Future[Any]":
        headers = record.all_headers
        if not any(isinstance(name, UnreadableName) for name, _ in headers):
            producer = await self._started(idempotent=True)
            sending: asyncio.Future[Any] = await producer.send(
                METRICS.name,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=headers,
            )
            return sending
        # the builder in C takes plain strings only, the one in Python any that can be encoded
        producer = await self._started(idempotent=False)
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, _BATCH_BYTES)
        assert batch.append(timestamp=None, key=record.key, value=record.value, headers=headers)
        at = record.partition
        sent: asyncio.Future[Any] = await producer.send_batch(batch, METRICS.name, partition=at)
        return sent

    async def _started(self, *, idempotent: bool) -> AIOKafkaProducer:
        if idempotent not in self._producers:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                enable_idempotence=idempotent,
                acks="all",
                linger_ms=2,
                request_timeout_ms=5_000,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producers[idempotent] = producer
        return self._producers[idempotent]
