"""Trace with OpenTelemetry, whose API does nothing until an exporter is configured.

Traces propagate by the W3C header `traceparent`, over HTTP and from record to record.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NoOpTracer, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:  # an extra
    from opentelemetry.sdk.trace import TracerProvider

TRACE_HEADER = "traceparent"
"""Name of the Kafka header, and of the HTTP header."""
CONFIGURED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of OpenTelemetry, of which one switches tracing on; all others of it count too."""

_HEADER_LENGTH = 55
_MOST_LINKS = 64
_SERVER_ERROR = 500

_propagator = TraceContextTextMapPropagator()
_provider: "TracerProvider | None" = None
_tracer: Tracer = NoOpTracer()


def use(provider: "TracerProvider | None") -> None:
    """Trace with this from now on; None switches it off."""
    global _provider, _tracer  # noqa: PLW0603 - there is one for the process, as for logs
    _provider = provider
    _tracer = NoOpTracer() if provider is None else provider.get_tracer("burnline")


def is_on() -> bool:
    """Return whether anything is traced, so that records need not be looked at for nothing."""
    return _provider is not None


def start(service: str, environ: Mapping[str, str] = os.environ) -> None:
    """Switch tracing on if the environment names an exporter, and nobody has before.

    Raises SystemExit where it does, and the packages of the extra `tracing` are not installed.
    """
    if is_on() or not any(environ.get(name) for name in CONFIGURED_BY):
        return
    try:
        use(_exporting(service))
    except ImportError as error:
        missing = f"tracing is configured, but not installed: burnline[tracing] ({error})"
        raise SystemExit(missing) from error


def stop() -> None:
    """Send what is left, and switch tracing off."""
    if _provider is not None:
        _provider.shutdown()
        use(None)


def trace_headers(context: Context | None = None) -> Sequence[tuple[str, bytes]]:
    """Return the header that carries a trace, the present one by default, if it is sampled."""
    if not _span_context(context).trace_flags.sampled:
        return ()
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context=context)
    return [(TRACE_HEADER, carrier[TRACE_HEADER].encode())] if TRACE_HEADER in carrier else ()


def sent_with(headers: Sequence[tuple[str, bytes | None]]) -> Context | None:
    """Return the context that a record's headers bring; None without one that is sampled."""
    for name, value in headers:
        if name == TRACE_HEADER and value is not None and len(value) == _HEADER_LENGTH:
            carrier = {TRACE_HEADER: value.decode("latin-1")}
            context = _propagator.extract(carrier, context=Context())
            return context if _span_context(context).trace_flags.sampled else None
    return None


@contextmanager
def request_span(scope: Mapping[str, Any]) -> Iterator[None]:
    """Trace an HTTP request; its route and status are read from the scope at the end."""
    carrier = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name == TRACE_HEADER.encode()
    }
    parent = _propagator.extract(carrier, context=Context())
    method = scope["method"]
    with _tracer.start_as_current_span(
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


def batch_span(name: str, service: str, parents: Sequence[Context], began_ns: int) -> Context:
    """Record a span that ends now; the first parent is its own, the others are links.

    Return its context.
    """
    span = _tracer.start_span(
        name,
        context=parents[0],
        kind=SpanKind.CONSUMER,
        attributes={"burnline.service": service, "messaging.batch.message_count": len(parents)},
        links=[Link(_span_context(parent)) for parent in parents[1 : 1 + _MOST_LINKS]],
        start_time=began_ns,
    )
    span.end()
    return trace.set_span_in_context(span, Context())


def _exporting(service: str) -> "TracerProvider":
    """Return a provider that sends by OTLP over HTTP, as the variables of OpenTelemetry say."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"burnline-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _span_context(context: Context | None) -> trace.SpanContext:
    return trace.get_current_span(context).get_span_context()
