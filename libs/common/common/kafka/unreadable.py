"""Records of our own topics that cannot be read: skipped, logged and counted, never fatal."""

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any

import structlog

from common.kafka.client import Record, header
from common.kafka.tolerant_records import UNREADABLE
from common.kafka.topics import decode
from common.observability.logging import CORRELATION_HEADER, correlated

log = structlog.get_logger()


def each_readable(records: Sequence[Record], apply: Callable[[Any], object]) -> None:
    """Apply the event of each record, except tombstones and unreadable records."""
    for record in records:
        if record.value is not None:
            with skip_unreadable(record):
                apply(decode(record))


def event_handler(
    on_event: Callable[[Any], Awaitable[None] | None],
) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Return a handler that passes on the event of each record. No record can stop it."""

    async def on_records(records: Sequence[Record]) -> None:
        for record in records:
            if record.value is None:
                continue
            with correlated(header(record, CORRELATION_HEADER)), skip_unreadable(record):
                if (pending := on_event(decode(record))) is not None:
                    await pending

    return on_records


class skip_unreadable:  # noqa: N801 - reads as a phrase after `with`
    """Skip a record whose content is wrong, so that the next one has its turn.

    Anybody who can write to a topic can nest JSON deeper than Python recurses: RecursionError.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

    def __enter__(self) -> None:
        """Begin to read the record."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        """Log and count an error of the content; let any other propagate."""
        if not isinstance(error, ValueError | ArithmeticError | RecursionError):
            return False
        record = self._record
        UNREADABLE.labels(record.topic).inc()
        log.warning(
            "record_unreadable",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=str(error),
        )
        return True
