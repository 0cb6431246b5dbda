"""Let a consumer go on behind a batch that cannot be decoded, as an operator has decided."""

from datetime import datetime
from typing import Final

from aiokafka import TopicPartition

from api_gateway.http.problems import invalid
from api_gateway.ingest_health.lag import INPUTS, LogEnds
from api_gateway.ingest_health.repository import IngestStore
from api_gateway.ingest_health.schemas import SkippedBatchAnswer, SkipRequest
from common.http.problems import Problem
from common.kafka.log_ends import LogEnd
from common.kafka.tolerant_records import UndecodableBatch
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes

_NOT_STUCK: Final = "not_stuck"


class BatchSkips:
    """Skips what a reader of the log finds undecodable, and nothing else."""

    def __init__(self, store: IngestStore, log_ends: LogEnds) -> None:
        self._store, self._log_ends = store, log_ends

    async def skip(self, asked: SkipRequest, now: datetime) -> SkippedBatchAnswer:
        """Move the ledger of the topic's consumer behind the batch, and audit it, both or none.

        Problems: 409 unless just there stands a batch that cannot be decoded, which comes next.
        KafkaError or TimeoutError without Kafka.
        """
        service, tp = INPUTS[asked.topic], TopicPartition(asked.topic, asked.partition)
        async with self._store.read() as reader:
            positions = await reader.positions()
        at = next((p for p in positions if (p.topic, p.shard, p.service) == (*tp, service)), None)
        if at is None:
            raise _refused("partition", f"{service} has not read partition {asked.partition} yet")
        ends = await self._log_ends((asked.topic,), {tp: at.next_offset})
        batch, next_offset = _stuck_at(asked, ends[tp])
        place = asked.model_dump(exclude={"actor", "reason"}) | {"next_offset": next_offset}
        details = {**place, "reason": asked.reason, "undecodable": batch.reason}
        subject = f"batch/{asked.topic}/{asked.partition}@{asked.offset}"
        changes = field_changes({"next_offset": at.next_offset}, {"next_offset": next_offset})
        event = AuditEvent(now, "batch.skipped", subject, None, details, changes, asked.actor)
        async with self._store.write() as writer:
            if not await writer.skip(at, next_offset, event):
                raise _refused("offset", f"{service} has gone on meanwhile")
        return SkippedBatchAnswer(service=service, skipped_at=now, **place)


def _stuck_at(asked: SkipRequest, end: LogEnd) -> tuple[UndecodableBatch, int]:
    """Return the batch and where it ends; refuse whatever is not just what was named."""
    batch = end.undecodable
    if batch is None:
        raise _refused("offset", "what comes next there can be decoded")
    if batch.offset != asked.offset:
        raise _refused("offset", f"the batch that cannot be decoded begins at {batch.offset}")
    if batch.next_offset is None or batch.next_offset > end.end_offset:
        raise _refused(
            "offset", "the batch does not say credibly where it ends; mend or delete its log"
        )
    return batch, batch.next_offset


def _refused(field: str, detail: str) -> Problem:
    return invalid(field, _NOT_STUCK, f"{detail}; GET /api/ingest/lag shows what stands still", 409)
