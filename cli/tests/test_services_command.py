"""`burnline services purge`: what it shows and asks the gateway, and when it changes nothing."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from burnline.main import make_app

Run = Callable[..., Any]


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """The bodies that the commands of the test have sent."""
    return []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]) -> Run:
    """Run the command against a gateway that has 1 200 services of a flood."""
    monkeypatch.setenv("BURNLINE_URL", "http://gateway.example")
    monkeypatch.setenv("BURNLINE_API_TOKEN", "a token")
    original, left = httpx.Client, [1_200]

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/services/purge"
        asked.append(json.loads(request.content))
        retired = 0 if asked[-1]["dry_run"] else min(left[0], 1_000)
        answer = {"matched": left[0], "set_up": 1, "retired": retired, "names": ["flood\x1b[2J"]}
        left[0] -= retired
        return httpx.Response(200, json=answer)

    transport = httpx.MockTransport(respond)
    monkeypatch.setattr("httpx.Client", lambda **kw: original(transport=transport, **kw))
    return lambda *arguments: CliRunner().invoke(
        make_app("services"), ["services", "purge", *arguments]
    )


def test_without_yes_they_are_only_named(run: Run, asked: list[dict[str, Any]]) -> None:
    done = run("--key", "4f1d09c2ab37")
    assert done.exit_code == 0, done.output
    assert asked == [{"key": "4f1d09c2ab37", "dry_run": True}]
    assert "1200 services match" in done.output
    assert "1199 more" in done.output
    assert "add --yes" in done.output
    assert "\x1b" not in done.output


def test_with_yes_it_goes_on_until_none_is_left(run: Run, asked: list[dict[str, Any]]) -> None:
    done = run("--source", "shop", "--unseen-for", "2.5", "--yes")
    assert done.exit_code == 0, done.output
    given = {"source": "shop", "unseen_for_hours": 2.5}
    assert asked == [{**given, "dry_run": dry} for dry in (True, False, False, False)]
    assert "1200 retired" in done.output


def test_all_services_are_not_meant_by_saying_nothing(
    run: Run, asked: list[dict[str, Any]]
) -> None:
    done = run("--yes")
    assert done.exit_code != 0
    assert asked == []
