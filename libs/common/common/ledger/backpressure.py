"""Reading pauses while too much is waiting to be applied, so that memory has a bound.

Paused partitions stay assigned and the client goes on sending heartbeats: whoever is slow keeps
its place in the group.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LedgerLimits:
    """How much is applied in one transaction, and may wait for one in the whole process."""

    max_flush_records: int = 20_000
    max_buffered_records: int = 100_000
    max_buffered_bytes: int = 64 * 1024 * 1024  # keys and values


class Backpressure:
    """Whether reading is paused: from the bound on, until half of it is applied."""

    def __init__(self, limits: LedgerLimits) -> None:
        self.paused = False
        self._limits = limits

    def regulate(
        self,
        consumer: AIOKafkaConsumer | None,
        held: Collection[TopicPartition],
        buffered: tuple[int, int],
    ) -> None:
        """Pause or resume the partitions that are held, by the records and bytes that wait.

        A partition that is assigned and not held yet is paused for that reason; it is none of
        `held`, and whoever comes to hold it looks at `paused` before it is resumed.
        """
        records, size_bytes = buffered
        fill = max(
            records / self._limits.max_buffered_records,
            size_bytes / self._limits.max_buffered_bytes,
        )
        if self.paused == (fill >= (0.5 if self.paused else 1.0)) or consumer is None:
            return
        self.paused = not self.paused
        log.info("reading", paused=self.paused, records=records, size_bytes=size_bytes)
        partitions = consumer.assignment() & set(held)
        (consumer.pause if self.paused else consumer.resume)(*partitions)
