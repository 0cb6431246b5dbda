"""Traces kept in memory, and trees made of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from common.observability import tracing


def place(span: ReadableSpan) -> SpanContext:
    """Return where a span stands."""
    found = span.get_span_context()
    assert found is not None
    return found


@dataclass(frozen=True)
class Traces:
    """What has been recorded so far."""

    exporter: InMemorySpanExporter

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def paths(self) -> set[tuple[str, ...]]:
        """Return the names from the root down to each span."""
        by_id = {place(span).span_id: span for span in self.spans()}
        found = set()
        for span in by_id.values():
            names, at = [span.name], span
            while at.parent is not None and at.parent.span_id in by_id:
                at = by_id[at.parent.span_id]
                names.append(at.name)
            found.add(tuple(reversed(names)))
        return found


@contextmanager
def recorded() -> Iterator[Traces]:
    """Record all spans of this process for as long as the block lasts."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    try:
        yield Traces(exporter)
    finally:
        tracing.stop()
