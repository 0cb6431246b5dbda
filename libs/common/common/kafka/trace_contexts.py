"""Propagate traces from batches of records to the results that are sent of them."""

import time
from collections.abc import Mapping, Sequence

from opentelemetry.context import Context

from common.kafka.client import Headers, Record
from common.observability import tracing

_MOST_WAITING = 10_000


def trace_batch(
    name: str, records: Sequence[Record], began_ns: int | None = None
) -> Mapping[str, Context]:
    """Record a span for each service that these records bring traces of; return the contexts.

    The newest record's trace goes on, the others are linked. `began_ns` is since 1970.
    """
    if not tracing.is_on():
        return {}
    parents: dict[str, list[Context]] = {}
    for record in records:
        if record.headers and record.key and (context := tracing.sent_with(record.headers)):
            parents.setdefault(record.key.decode(errors="replace"), []).insert(0, context)
    began = time.time_ns() if began_ns is None else began_ns
    return {
        service: tracing.batch_span(name, service, contexts, began)
        for service, contexts in parents.items()
    }


class TraceContexts:
    """Keep the trace of each service, from the records that are read to the result that is sent.

    Records of a batch are handled together, and the result is about all of them. The oldest traces
    are evicted.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._waiting: dict[str, tuple[Context, int]] = {}

    def take(self, records: Sequence[Record], did: str, began_ns: int | None = None) -> None:
        """Record a span for what was done with these records; `began_ns` since 1970."""
        for service, context in trace_batch(f"{self._component} {did}", records, began_ns).items():
            self._waiting.pop(service, None)
            self._waiting[service] = (context, time.time_ns())
        while len(self._waiting) > _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def hand_on(self, service: str, did: str) -> Headers:
        """Return the header for a result about a service, if a trace waits for one."""
        if service not in self._waiting:
            return ()
        context, since_ns = self._waiting.pop(service)
        name = f"{self._component} {did}"
        return tracing.trace_headers(tracing.batch_span(name, service, [context], since_ns))
