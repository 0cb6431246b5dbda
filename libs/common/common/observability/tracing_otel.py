"""Tracing by the SDK of OpenTelemetry, an extra: only `tracing` beside it imports this."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.kafka.client import Headers, Record
from common.observability.tracing import TRACE_HEADER

_HEADER_LENGTH = 55
_MOST_LINKS = 64
_SERVER_ERROR = 500


class OpenTelemetry:
    """Makes spans of one process, and reads and writes the W3C header."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("burnline")
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def exporting(cls, service: str) -> Self:
        """Return one that sends by OTLP over HTTP, as the variables of OpenTelemetry say."""
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"burnline-{service}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def current(self) -> Headers:
        """Return the header that carries the present trace."""
        return self._written(None)

    @contextmanager
    def request(self, scope: Mapping[str, Any]) -> Iterator[None]:
        """Trace an HTTP request; its route and status are read from the scope at the end."""
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name == TRACE_HEADER.encode()
        }
        parent = self._propagator.extract(carrier, context=Context())
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method, context=parent, kind=SpanKind.SERVER, attributes={"http.request.method": method}
        ) as span:
            yield
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
            status = scope.get("burnline.status")
            if status is not None:
                span.set_attribute("http.response.status_code", status)
                if status >= _SERVER_ERROR:
                    span.set_status(Status(StatusCode.ERROR))

    def sent_with(self, record: Record) -> Context | None:
        """Return the context that a record brings; None without one that is sampled."""
        for name, value in record.headers:
            if name == TRACE_HEADER and value is not None and len(value) == _HEADER_LENGTH:
                carrier = {TRACE_HEADER: value.decode("latin-1")}
                context = self._propagator.extract(carrier, context=Context())
                sampled = trace.get_current_span(context).get_span_context().trace_flags.sampled
                return context if sampled else None
        return None

    def span(self, name: str, service: str, parents: Sequence[Context], began_ns: int) -> Context:
        """Record a span that ends now; the first parent is its own, the others are links."""
        links = [Link(_span_context(parent)) for parent in parents[1 : 1 + _MOST_LINKS]]
        span = self._tracer.start_span(
            name,
            context=parents[0],
            kind=SpanKind.CONSUMER,
            attributes={"burnline.service": service, "messaging.batch.message_count": len(parents)},
            links=links,
            start_time=began_ns,
        )
        span.end()
        return trace.set_span_in_context(span, Context())

    def header(self, context: Context) -> Headers:
        """Return the header that carries a context."""
        return self._written(context)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _written(self, context: Context | None) -> Headers:
        if not trace.get_current_span(context).get_span_context().trace_flags.sampled:
            return ()
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=context)
        return [(TRACE_HEADER, carrier[TRACE_HEADER].encode())] if TRACE_HEADER in carrier else ()


def _span_context(context: Context) -> trace.SpanContext:
    return trace.get_current_span(context).get_span_context()
