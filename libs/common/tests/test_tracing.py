"""Traces: nothing while they are off, one span and links for what is handled together."""

import sys
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider

from common.http.middleware import TracingMiddleware
from common.kafka import trace_contexts
from common.kafka.client import correlation_headers
from common.kafka.trace_contexts import TraceContexts, trace_batch
from common.observability import tracing
from tests.support import kafka_records
from tests.support.traces import Traces, place, recorded

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Untouchable:
    """A record that nobody may look at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"looked at {name}")


def record(key: bytes | None, *headers: tuple[str, bytes | None]) -> Any:
    return kafka_records.record("t", b"", key=key, headers=headers)


def parent(number: int, flags: str = "01") -> tuple[str, bytes]:
    return ("traceparent", f"00-{TRACE}-{number:016x}-{flags}".encode())


def test_while_it_is_off_no_record_is_looked_at() -> None:
    contexts = TraceContexts("test")
    contexts.take([Untouchable()], "read")
    assert trace_batch("test read", [Untouchable()]) == {}
    assert contexts.hand_on("checkout", "decide") == ()
    assert tracing.trace_headers() == ()
    assert correlation_headers() == []


def test_it_stays_off_unless_an_exporter_is_configured() -> None:
    tracing.start("test", {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_SERVICE_NAME": "x"})
    assert not tracing.is_on()


@pytest.mark.parametrize("variable", tracing.CONFIGURED_BY)
def test_an_exporter_switches_it_on_once(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Exporting(TracerProvider):
        def shutdown(self) -> None:
            made.append("shut down")

    def exporting(service: str) -> TracerProvider:
        made.append(service)
        return Exporting()

    monkeypatch.setattr(tracing, "_exporting", exporting)
    environment = {variable: "http://127.0.0.1:4318"}
    tracing.start("test", environment)
    tracing.start("again", environment)
    tracing.stop()
    assert made == ["test", "shut down"]
    assert not tracing.is_on()


def test_without_its_packages_a_configured_exporter_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SystemExit, match=r"burnline\[tracing\]"):
        tracing.start("test", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def test_events_of_one_service_are_one_span_with_links() -> None:
    contexts = TraceContexts("burnrate")
    records = [record(b"checkout", parent(n)) for n in (1, 2, 3)]
    others = [record(b"cart", parent(9)), record(b"plain"), record(None, parent(8))]
    with recorded() as traces:
        contexts.take([*records, *others], "count")
        [cart, checkout] = sorted(traces.spans(), key=lambda s: s.parent.span_id != 9)  # type: ignore[union-attr]
        assert checkout.parent is not None
        assert checkout.parent.span_id == 3, "the newest goes on"
        assert [link.context.span_id for link in checkout.links] == [2, 1]
        assert (cart.name, cart.links) == ("burnrate count", ())
        [(name, value)] = contexts.hand_on("checkout", "evaluate")
        evaluated = traces.spans()[-1]
        assert evaluated.parent == place(checkout)
        span_id = place(evaluated).span_id
        assert (name, value) == parent(span_id)
        assert contexts.hand_on("checkout", "evaluate") == (), "once"
        assert contexts.hand_on("plain", "evaluate") == ()


@pytest.mark.parametrize(
    "header",
    [
        parent(1, "00"),
        ("traceparent", b""),
        ("traceparent", None),
        ("traceparent", b"\xff" * 55),
        ("traceparent", b"00-" + b"0" * 52),
        ("other", PARENT.encode()),
    ],
)
def test_what_is_not_sampled_or_no_trace_is_passed_over(header: tuple[str, bytes | None]) -> None:
    with recorded() as traces:
        assert trace_batch("test read", [record(b"checkout", header)]) == {}
        assert traces.spans() == []


def test_what_nobody_takes_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_contexts, "_MOST_WAITING", 2)
    contexts = TraceContexts("test")
    with recorded():
        contexts.take([record(b"%d" % n, parent(n)) for n in (1, 2, 3)], "read")
        assert [bool(contexts.hand_on(str(n), "send")) for n in (1, 2, 3)] == [False, True, True]


async def asked(traces: Traces, path: str, **headers: str) -> list[tuple[str, bytes]]:
    """Ask an application that notes which headers its records would have."""
    app, noted = FastAPI(), []

    @app.post("/things/{name}")
    async def things(name: str) -> None:
        noted.extend(correlation_headers())
        if name == "broken":
            raise RuntimeError

    @app.get("/healthz")
    async def healthz() -> None:
        noted.extend(correlation_headers())

    app.add_middleware(TracingMiddleware)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        method = "GET" if path == "/healthz" else "POST"
        await client.request(method, path, headers=headers)
    del traces
    return noted


async def test_a_request_goes_on_in_the_callers_trace() -> None:
    with recorded() as traces:
        [(name, value)] = await asked(traces, "/things/a", traceparent=PARENT)
        [span] = traces.spans()
    assert (name, value) == (
        "traceparent",
        f"00-{TRACE}-{place(span).span_id:016x}-01".encode(),
    )
    assert span.name == "POST /things/{name}"
    assert dict(span.attributes or {})["http.response.status_code"] == 200


async def test_an_unsampled_request_is_not_followed() -> None:
    with recorded() as traces:
        assert await asked(traces, "/things/a", traceparent=PARENT[:-1] + "0") == []
        assert traces.spans() == []


async def test_an_error_is_seen_as_one() -> None:
    with recorded() as traces:
        await asked(traces, "/things/broken")
        [span] = traces.spans()
    assert not span.status.is_ok


async def test_probes_are_not_traced() -> None:
    with recorded() as traces:
        assert await asked(traces, "/healthz") == []
        assert traces.spans() == []
