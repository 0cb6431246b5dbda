"""The burnrate service with a guard taken out.

The product has no switch for this. Each mutation replaces a function of it by name, and fails
where there is no such function any more, so that a guard which has moved is noticed.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from burnrate.ingest.dedup import HourDedupKeys
from common.ledger import ledger
from common.ledger.ledger import ShardLedger
from common.ledger.store import LedgerStore

_IN_FLIGHT_SECONDS: Final = 0.3


def no_fencing() -> None:
    """Let whoever thinks that it holds a shard write to it."""
    _patch(LedgerStore, "lock", ("session", "shard", "epoch", "expected"), _accept)


def kafka_offsets() -> None:
    """Commit to Kafka what is read, and begin there instead of at the ledger's offset."""
    consumers: list[AIOKafkaConsumer] = []
    _remember_group_consumer(consumers)

    acquire = LedgerStore.acquire
    lock = LedgerStore.lock
    handle = ShardLedger.handle

    async def acquire_from_kafka(  # noqa: PLR0913, PLR0917 - as the function it stands for
        self: LedgerStore,
        session: Any,
        shard: int,
        owner: str,
        cluster_id: str,
        starts: Mapping[str, int],
    ) -> Any:
        epoch, stored = await acquire(self, session, shard, owner, cluster_id, starts)
        for topic, offset in stored.items():
            committed = await consumers[-1].committed(TopicPartition(topic, shard))
            stored[topic] = replace(offset, next_offset=committed or starts[topic])
        return epoch, stored

    async def lock_epoch_only(
        self: LedgerStore, session: Any, shard: int, epoch: int, expected: Mapping[str, int]
    ) -> None:
        del expected
        await lock(self, session, shard, epoch, {})

    async def handle_and_commit(self: ShardLedger, records: Sequence[Any]) -> None:
        await handle(self, records)
        reached = {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}
        with contextlib.suppress(KafkaError):
            await consumers[-1].commit(reached)

    names = ("session", "shard", "owner", "cluster_id", "starts")
    _patch(LedgerStore, "acquire", names, acquire_from_kafka)
    _patch(LedgerStore, "lock", ("session", "shard", "epoch", "expected"), lock_epoch_only)
    _patch(ShardLedger, "handle", ("records",), handle_and_commit)


def no_pause() -> None:
    """Go on reading while a shard is acquired and the consumer is moved to its offset."""
    _patch(AIOKafkaConsumer, "pause", ("partitions",), lambda *_: None)


def no_gap_check() -> None:
    """Take a batch that skips records for one that the log skips."""
    names = ("consumer", "tp", "next_offset", "first", "last")
    _patch(ledger, "refuse_gap", names, _accept)


def no_dedup() -> None:
    """Find no event counted before."""

    def none(_: HourDedupKeys, keys: Any, content: Any) -> Any:
        del content
        return np.ones(len(keys), np.bool_), np.zeros(len(keys), np.bool_)

    _patch(HourDedupKeys, "add", ("keys", "content"), none)


def slow_reads() -> None:
    """Keep each batch on its way to the handler for a while. No guard: it stretches a moment."""
    getmany = AIOKafkaConsumer.getmany

    async def slow(self: AIOKafkaConsumer, *partitions: Any, **named: Any) -> Any:
        batches = await getmany(self, *partitions, **named)
        if batches and self._group_id:
            await asyncio.sleep(_IN_FLIGHT_SECONDS)
        return batches

    _patch(AIOKafkaConsumer, "getmany", ("partitions", "timeout_ms", "max_records"), slow)


MUTATIONS: Final[dict[str, Callable[[], None]]] = {
    mutation.__name__: mutation
    for mutation in (no_fencing, kafka_offsets, no_pause, no_gap_check, no_dedup, slow_reads)
}


def _patch(owner: Any, name: str, parameters: tuple[str, ...], replacement: Any) -> None:
    """Replace a function that must be there with these parameters."""
    found = [p for p in inspect.signature(getattr(owner, name)).parameters if p != "self"]
    if tuple(found) != parameters:
        raise LookupError(f"{owner.__name__}.{name} takes {found}, not {list(parameters)}")
    setattr(owner, name, replacement)


async def _accept(*_: Any) -> None:
    return


def _remember_group_consumer(consumers: list[AIOKafkaConsumer]) -> None:
    start = AIOKafkaConsumer.start

    async def remembering(self: AIOKafkaConsumer) -> None:
        if self._group_id:
            consumers.append(self)
        await start(self)

    _patch(AIOKafkaConsumer, "start", (), remembering)


def mutate(names: str) -> None:
    """Take the guards out that are named, separated by commas, before the service runs."""
    for name in names.split(","):
        MUTATIONS[name]()
