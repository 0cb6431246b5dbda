"""`burnline status`: what it says of the gateway's answers, and when that is not well."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from burnline.client.health import LATE_SECONDS, Health, described, faults, wait_counted
from burnline.main import make_app

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SHARD = {
    "service": "burnrate",
    "topic": "slo.metrics.v1",
    "shard": 2,
    "owner": "host:7",
    "next_offset": 90,
    "lag_records": 0,
    "lag_seconds": 0.0,
}
CALM: dict[str, Any] = {
    "lag_records": 0,
    "lag_seconds": 0.0,
    "shards": [SHARD],
    "outboxes": [{"service": "gate", "waiting": 0, "lag_seconds": 0.0}],
}


def letter(code: str, age: timedelta) -> dict[str, Any]:
    return {"code": code, "recorded_at": (NOW - age).isoformat()}


def service(name: str, status: str) -> dict[str, Any]:
    return {"service_name": name, "data_status": status}


def behind(records: int, seconds: float | None, applied: int = 90) -> dict[str, Any]:
    late = {"lag_records": records, "lag_seconds": seconds}
    return {**CALM, **late, "shards": [{**SHARD, **late, "next_offset": applied}]}


def stuck(reason: str) -> dict[str, Any]:
    batch = {"offset": 41, "next_offset": 44, "reason": reason}
    return {**CALM, "shards": [{**SHARD, "undecodable": batch}]}


def text(health: Health) -> str:
    return "\n".join(described(health, NOW))


def test_a_calm_system_is_told_in_four_lines() -> None:
    health = Health(CALM, [], [service("checkout", "ok")])
    assert described(health, NOW) == [
        "consumer lag  0 records",
        "not announced nothing",
        "dead letters  none in the last 24 h",
        "services      1 ok",
    ]
    assert faults(health) == []


def test_lag_is_told_by_shard() -> None:
    told = text(Health(behind(12, 3.25), [], []))
    assert "consumer lag  12 records, the oldest 3.3 s old" in told
    assert "burnrate slo.metrics.v1/2: 12 records, the oldest 3.3 s old, held by host:7" in told
    assert "services      none yet" in told
    assert "of unknown age" in text(Health(behind(1, None), [], []))


def test_dead_letters_of_the_last_day_are_counted_by_code() -> None:
    hour = timedelta(hours=1)
    letters = [letter("a", hour), letter("b", hour), letter("a", hour), letter("a", 25 * hour)]
    assert "dead letters  3 in the last 24 h: 2 a, 1 b" in text(Health(CALM, letters, []))
    assert "500 or more" in text(Health(CALM, [letter("a", hour)] * 500, []))


def test_silent_services_are_named_but_are_no_fault() -> None:
    rows = [service("checkout", "ok"), service("cart", "stale"), service("new", "no_data")]
    health = Health(CALM, [], rows)
    assert "1 ok, 1 stale, 1 no_data (cart, new)" in text(health)
    assert faults(health) == []
    many = [service(f"s{n}", "lagging") for n in range(9)]
    assert text(Health(CALM, [], many)).endswith("9 lagging (s0, s1, s2, s3, s4, s5, s6, s7 ...)")


@pytest.mark.parametrize(
    ("lag", "fault"),
    [
        (behind(5, LATE_SECONDS), None),
        (behind(5, LATE_SECONDS + 1), "events wait for 1.02 min"),
        (behind(5, None), "cannot be told"),
        ({**CALM, "outboxes": [{"service": "gate", "waiting": 3, "lag_seconds": 61.0}]}, "gate"),
        (stuck("unknown codec"), "slo.metrics.v1/2@41 cannot be decoded (unknown codec)"),
    ],
)
def test_what_waits_for_more_than_a_minute_is_a_fault(lag: Any, fault: str | None) -> None:
    found = faults(Health(lag, [], []))
    assert [fault in one for one in found if fault] == [True] * len(found)
    assert bool(found) == bool(fault)


Answers = dict[str, httpx.Response]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Run the command without a local stack, against a gateway that answers as told."""
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BURNLINE_URL", "http://gateway.example")
    original = httpx.Client

    def invoke(answers: Answers, *arguments: str) -> Any:
        transport = httpx.MockTransport(lambda request: answers[request.url.path])

        monkeypatch.setattr("httpx.Client", lambda **kw: original(transport=transport, **kw))
        return CliRunner().invoke(make_app("status"), ["status", *arguments])

    return invoke


def answers(lag: Any = CALM) -> Answers:
    return {
        "/readyz": httpx.Response(200, json={"status": "ready", "failing": {}}),
        "/api/ingest/lag": httpx.Response(200, json=lag),
        "/api/ingest/dead-letters": httpx.Response(200, json=[]),
        "/api/overview": httpx.Response(200, json={"services": []}),
    }


def test_a_gateway_elsewhere_can_be_asked(run: Callable[..., Any]) -> None:
    done = run(answers(), "--wait", "5")
    assert done.exit_code == 0, done.output
    assert "http://gateway.example ready" in done.output
    assert "consumer lag  0 records" in done.output


def test_what_is_not_well_is_named_with_exit_1(run: Callable[..., Any]) -> None:
    done = run(answers(behind(1, 90)))
    assert (done.exit_code, "not healthy: events wait for 1.5 min" in done.output) == (1, True)
    failing = {"status": "not_ready", "failing": {"database": "does not answer"}}
    done = run({**answers(), "/readyz": httpx.Response(503, json=failing)})
    assert (done.exit_code, "database: does not answer" in done.output) == (1, True)
    loop = {"status": "ready", "failing": {}, "warnings": {"crash loop": "3 crashes"}}
    done = run({**answers(), "/readyz": httpx.Response(200, json=loop)})
    assert (done.exit_code, "crash loop: 3 crashes" in done.output) == (1, True)
    done = run({**answers(), "/readyz": httpx.Response(502, text="bad gateway")})
    assert (done.exit_code, "does not say" in done.output) == (1, True)
    gone = httpx.Response(503, json={"detail": "Kafka does not tell"})
    done = run({**answers(), "/api/ingest/lag": gone})
    assert (done.exit_code, "Kafka does not tell" in done.output) == (1, True)


def test_the_bar_follows_until_all_is_counted() -> None:
    told = [behind(10, 1, 90), None, behind(4, 1, 98), behind(0, 0, 102)]
    slept: list[float] = []

    def respond(_: httpx.Request) -> httpx.Response:
        answer = told.pop(0)
        return httpx.Response(503) if answer is None else httpx.Response(200, json=answer)

    out = Console(file=io.StringIO(), width=80)
    with httpx.Client(transport=httpx.MockTransport(respond), base_url="http://test") as client:
        assert wait_counted(client, 60, sleep=slept.append, now=lambda: 0.0, console=out)
        assert len(slept) == 3
        assert "12/12" in str(out.file.getvalue())  # type: ignore[attr-defined]
        told[:] = [behind(10, 1), behind(9, 1)]
        assert not wait_counted(
            client, 1, sleep=slept.append, now=lambda: 2.0 * len(slept), console=out
        )
