"""Traces by OpenTelemetry: off unless an exporter is configured, and then one test of a name.

A trace goes from record to record by the W3C header `traceparent`. Consumers do not handle events
one by one, so that what an event leads to is followed by service: see `TraceContexts`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # it sends the headers that are made here
    from common.kafka.client import Headers, Record

TRACE_HEADER = "traceparent"
"""Name of the Kafka header, and of the HTTP header."""
CONFIGURED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of OpenTelemetry, of which one switches tracing on; all others of it count too."""

_MOST_BATONS = 10_000


class Tracing(Protocol):
    """What does the tracing, once it is switched on; a `context` is opaque."""

    def current(self) -> Headers:
        """Return the header that carries the present trace, if there is one that is sampled."""
        ...

    def request(self, scope: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Trace an HTTP request for as long as the block lasts."""
        ...

    def sent_with(self, record: Record) -> Any:
        """Return the context that a record brings; None without one that is sampled."""
        ...

    def span(self, name: str, service: str, parents: Sequence[Any], began_ns: int) -> Any:
        """Record a span that ends now; the first parent is its own, the others are links.

        Return its context.
        """
        ...

    def header(self, context: Any) -> Headers:
        """Return the header that carries a context."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


_active: Tracing | None = None


def use(tracing: Tracing | None) -> None:
    """Trace with this from now on; None switches it off."""
    global _active  # noqa: PLW0603 - there is one for the process, as for logs
    _active = tracing


def active() -> Tracing | None:
    """Return what traces; None while it is switched off."""
    return _active


def start(service: str, environ: Mapping[str, str] = os.environ) -> None:
    """Switch tracing on if the environment names an exporter, and nobody has before.

    Raises SystemExit where it does, and the packages of the extra `tracing` are not installed.
    """
    if _active is not None or not any(environ.get(name) for name in CONFIGURED_BY):
        return
    try:
        from common.observability.tracing_otel import OpenTelemetry  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SystemExit(f"tracing is configured, but not installed: burnline[tracing] ({error})") \
            from error  # fmt: skip
    use(OpenTelemetry.exporting(service))


def stop() -> None:
    """Send what is left, and switch tracing off."""
    if _active is not None:
        _active.close()
        use(None)


def trace_headers() -> Headers:
    """Return the header that carries the present trace; nothing while tracing is off."""
    return () if _active is None else _active.current()


def note(name: str, records: Sequence[Record], began_ns: int | None = None) -> Mapping[str, Any]:
    """Record a span for each service that these records bring traces of; return the contexts."""
    tracing = _active
    if tracing is None:
        return {}
    parents: dict[str, list[Any]] = {}
    for record in records:
        if record.headers and record.key and (context := tracing.sent_with(record)) is not None:
            parents.setdefault(record.key.decode(errors="replace"), []).insert(0, context)
    began = time.time_ns() if began_ns is None else began_ns
    return {
        service: tracing.span(name, service, contexts, began)
        for service, contexts in parents.items()
    }


class TraceContexts:
    """Takes traces over from what a component reads, and hands them to what it sends of it.

    One for each service, by the record's key: the records of a batch are handled together, and the
    result that follows tells of all of them. The newest record's trace goes on, the others are
    linked. What is not handed on in time makes room.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._waiting: dict[str, tuple[Any, int]] = {}

    def take(self, records: Sequence[Record], did: str, began_ns: int | None = None) -> None:
        """Note, after the fact, what was done with these records; `began_ns` since 1970."""
        if _active is None:
            return
        for service, context in note(f"{self._component} {did}", records, began_ns).items():
            self._waiting.pop(service, None)
            self._waiting[service] = (context, time.time_ns())
        while len(self._waiting) > _MOST_BATONS:
            del self._waiting[next(iter(self._waiting))]

    def hand_on(self, service: str, did: str) -> Headers:
        """Return the header for a result about a service, if a trace waits for one."""
        if not self._waiting or _active is None or service not in self._waiting:
            return ()
        context, since_ns = self._waiting.pop(service)
        span = _active.span(f"{self._component} {did}", service, [context], since_ns)
        return _active.header(span)
