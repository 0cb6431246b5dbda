"""`burnline dlq`: what it asks the gateway, what it prints, how it exits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from burnline.main import make_app

LETTER: dict[str, Any] = {
    "id": "0" * 31 + "1",
    "recorded_at": "2026-03-02T12:00:00Z",
    "code": "missing_field",
    "field": "total",
    "detail": "is required",
    "topic": "slo.metrics.v1",
    "partition": 2,
    "offset": 41,
    "appended_at": "2026-03-02T11:50:00Z",
    "value": '{"service":"checkout"}' + " " * 60,
    "replayed_at": None,
    "replayed_by": None,
}
REPLAYED = {**LETTER, "replayed_at": "2026-03-02T12:01:00Z", "replayed_by": "ines"}
Run = Callable[..., Any]


@pytest.fixture
def asked() -> list[httpx.Request]:
    """The requests that the commands of the test have sent."""
    return []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, asked: list[httpx.Request]) -> Run:
    """Run the command against a gateway that answers as told."""
    monkeypatch.setenv("BURNLINE_URL", "http://gateway.example")
    monkeypatch.setenv("BURNLINE_API_TOKEN", "a token")
    original = httpx.Client

    def invoke(answer: httpx.Response, *arguments: str, **more: Any) -> Any:
        def respond(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return answer

        transport = httpx.MockTransport(respond)
        monkeypatch.setattr("httpx.Client", lambda **kw: original(transport=transport, **kw))
        return CliRunner().invoke(make_app("dlq"), ["dlq", *arguments], **more)

    return invoke


def test_letters_are_listed_with_their_reasons(run: Run, asked: list[httpx.Request]) -> None:
    done = run(httpx.Response(200, json=[LETTER, REPLAYED]), "list", "--code", "missing_field")
    assert done.exit_code == 0, done.output
    assert dict(asked[0].url.params) == {"limit": "20", "code": "missing_field"}
    assert "missing_field: total is required" in done.output
    assert "slo.metrics.v1/2@41" in done.output
    assert done.output.count("sent again by ines") == 1


def test_a_field_that_a_stranger_named_controls_no_terminal(run: Run) -> None:
    letter = {**LETTER, "field": "\x1b[2J", "detail": "is no number\nforged line"}
    done = run(httpx.Response(200, json=[letter]), "list")
    assert "\x1b" not in done.output
    assert "[2J is no number forged line" in done.output


def test_letters_can_be_had_as_json(run: Run) -> None:
    done = run(httpx.Response(200, json=[LETTER]), "list", "--format", "json")
    assert json.loads(done.output) == [LETTER]


def test_nothing_is_said_to_be_nothing(run: Run) -> None:
    assert run(httpx.Response(200, json=[]), "list").output == "no dead letters\n"


def test_a_corrected_record_is_sent_from_a_file_or_stdin(
    run: Run, asked: list[httpx.Request], tmp_path: Path
) -> None:
    file = tmp_path / "event.json"
    file.write_text('{"service": "checkout"}')
    accepted = httpx.Response(202, json=REPLAYED)
    for source, given in ((str(file), None), ("-", '{"service": "checkout"}')):
        done = run(
            accepted, "replay", LETTER["id"], "--event", source, "--actor", "ines", input=given
        )
        assert done.exit_code == 0, done.output
        assert "as of 2026-03-02T11:50:00Z" in done.output
        request = asked.pop()
        assert request.url.path == f"/api/ingest/dead-letters/{LETTER['id']}/replay"
        assert request.headers["Authorization"] == "Bearer a token"
        assert json.loads(request.content) == {"actor": "ines", "event": {"service": "checkout"}}


def test_a_record_goes_out_as_it_was_in_the_users_name(
    run: Run, asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ben")
    assert run(httpx.Response(202, json=REPLAYED), "replay", LETTER["id"]).exit_code == 0
    assert json.loads(asked[0].content) == {"actor": "ben"}


def test_a_refusal_is_told_with_its_reason(run: Run) -> None:
    refused = httpx.Response(422, json={"detail": "event.total: is required"})
    done = run(refused, "replay", LETTER["id"], "--actor", "ines")
    assert done.exit_code == 1
    assert "event.total: is required" in str(done.exception)


def test_a_file_that_is_no_json_is_not_sent(
    run: Run, asked: list[httpx.Request], tmp_path: Path
) -> None:
    done = run(httpx.Response(202), "replay", "x", "--event", str(tmp_path / "none"))
    assert (done.exit_code, asked) == (1, [])


def test_a_batch_is_skipped_where_it_was_named(run: Run, asked: list[httpx.Request]) -> None:
    skipped = httpx.Response(200, json={"service": "burnrate", "next_offset": 44})
    reason = "its producer has sent the events again"
    done = run(skipped, "skip", "slo.metrics.v1/2@41", "--reason", reason, "--actor", "ines")
    assert (done.exit_code, done.output) == (0, "burnrate goes on at offset 44\n")
    assert (asked[0].method, asked[0].url.path) == ("POST", "/api/ingest/skips")
    assert json.loads(asked[0].content) == {
        "topic": "slo.metrics.v1",
        "partition": 2,
        "offset": 41,
        "reason": reason,
        "actor": "ines",
    }


@pytest.mark.parametrize("place", ["slo.metrics.v1", "slo.metrics.v1/2", "slo.metrics.v1/2@x"])
def test_a_batch_that_is_not_named_exactly_is_not_skipped(
    run: Run, asked: list[httpx.Request], place: str
) -> None:
    assert run(httpx.Response(201), "skip", place, "--reason", "because of that").exit_code == 2
    assert asked == []
