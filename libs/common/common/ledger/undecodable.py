"""Watch for batches that the client cannot decode: name them, and wait for an operator.

An input stands still there, since its counts would be wrong without it. An operator may let it go
on behind (`burnline dlq skip`), which changes the stored offset. A state topic goes on by itself,
like any topic of our own at a record that cannot be read: what comes later replaces it.
"""

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.kafka.tolerant_records import log_undecodable, skip_undecodable, undecodable_batch
from common.ledger.ledger import ShardLedger
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Ownership
from common.ledger.store import FencedError, LedgerStore


class UndecodableWatch:
    """Keeps `troubles.undecodable` of a ledger; `look` is called once a second."""

    def __init__(self, ledger: ShardLedger, runtime: ConsumerRuntime) -> None:
        self._ledger, self._database = ledger, runtime.database
        self._store = LedgerStore(runtime.name)

    async def look(self, consumer: AIOKafkaConsumer | None) -> None:
        """Note where the consumer stands still; read again, or go on where that is allowed."""
        before, troubles = self._ledger.troubles.undecodable, self._ledger.troubles
        assigned = consumer.assignment() if consumer is not None else set()
        for tp in assigned & {*self._state_partitions()}:
            if (next_offset := skip_undecodable(consumer, tp)) is not None:
                self._ledger.owned[tp.partition].state_topics.reached(tp.topic, next_offset)
        troubles.undecodable = {
            tp: batch for tp in assigned if (batch := undecodable_batch(consumer, tp)) is not None
        }
        for tp, batch in troubles.undecodable.items():
            if before.get(tp) != batch:
                log_undecodable(tp, batch)
            if (own := self._ledger.owned.get(tp.partition)) is not None:
                await self._try_again(consumer, tp, own)

    async def _try_again(
        self, consumer: AIOKafkaConsumer, tp: TopicPartition, own: Ownership
    ) -> None:
        """Fetch the batch again, unless somebody has let the shard go on behind it."""
        async with self._database.read() as session:
            stored = await self._store.next_offsets(session, tp.partition)
        if tp.topic in stored and stored[tp.topic] > own.next_offsets[tp.topic]:
            error = FencedError(f"{tp} goes on at {stored[tp.topic]}: the batch is skipped")
            await self._ledger.give_up(tp.partition, own, error)
        elif not self._ledger.paused and self._ledger.owned.get(tp.partition) is own:
            consumer.resume(tp)

    def _state_partitions(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic, shard)
            for shard in self._ledger.owned
            for topic in self._ledger.state_topics
        ]
