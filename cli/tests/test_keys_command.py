"""`burnline keys` against a gateway behind a real port, and purging what a key has brought."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from burnline.errors import StackError
from burnline.main import make_app
from common.access.keys import presented_key
from tests.support.burn_events import PARTITIONS
from tests.support.gateway.database import GatewayDatabase
from tests.support.gateway.fixtures import gateway_on, live
from tests.support.gateway.harness import TOKEN
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture
def gateway_url(postgres_url: str) -> Iterator[str]:
    """A gateway in a thread of its own: the command's client blocks."""
    addresses: list[str] = []
    started, end = threading.Event(), threading.Event()

    async def serve() -> None:
        settings = {
            "database_url": postgres_url,
            "partitions": PARTITIONS,
            "api_token": TOKEN,
        }
        database = GatewayDatabase.at(postgres_url)
        async with gateway_on(settings, database) as harness, live(harness.app) as url:
            addresses.append(url)
            started.set()
            await asyncio.to_thread(end.wait)
        await database.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(PATIENCE_SECONDS)
    with capture_logs():  # they would stand in the output of the command
        yield addresses[0]
    end.set()
    thread.join(30)


def run(url: str, *arguments: str, token: str = TOKEN) -> Result:
    environment = {"BURNLINE_URL": url, "BURNLINE_API_TOKEN": token, "COLUMNS": "200"}
    return CliRunner().invoke(make_app("keys"), ["keys", *arguments], env=environment)


def test_a_key_is_created_listed_rotated_and_revoked(gateway_url: str) -> None:
    made = run(gateway_url, "create", "pipeline", "--scope", "read", "--scope", "ingest")
    assert made.exit_code == 0, made.output
    key = presented_key(made.stdout.strip())
    assert key is not None  # standard output is the key and nothing else
    assert "read, ingest" in made.stderr
    shown = run(gateway_url, "list").stdout
    assert key.id in shown
    assert "pipeline" in shown
    assert key.secret not in shown
    rotated = run(gateway_url, "rotate", key.id, "--overlap-hours", "1")
    second = presented_key(rotated.stdout.strip())
    assert second is not None
    assert (second.id, second.secret != key.secret) == (key.id, True)
    assert run(gateway_url, "revoke", key.id).exit_code == 0
    assert key.id not in run(gateway_url, "list").stdout


def test_a_key_without_an_end(gateway_url: str) -> None:
    made = run(gateway_url, "create", "x", "--scope", "admin", "--expires-in-days", "0")
    assert "until it is revoked" in made.stderr


def test_what_is_refused_is_said(gateway_url: str) -> None:
    misspelt = run(gateway_url, "create", "x", "--scope", "root").exception
    assert "422" in str(misspelt)
    for token, part in ((TOKEN, "404"), ("wrong", "401")):
        refused = run(gateway_url, "revoke", "0123456789ab", token=token).exception
        assert isinstance(refused, StackError)
        assert part in str(refused)
        assert "wrong" not in str(refused).replace("is wrong", "")


def test_without_a_gateway_it_says_so() -> None:
    refused = run("http://127.0.0.1:9", "list").exception
    assert isinstance(refused, StackError)
    assert "does not answer" in str(refused)


Run = Callable[..., Result]


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """The bodies that the commands of the test have sent."""
    return []


@pytest.fixture
def purge(monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]) -> Run:
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


def test_without_yes_they_are_only_named(purge: Run, asked: list[dict[str, Any]]) -> None:
    done = purge("--key", "4f1d09c2ab37")
    assert done.exit_code == 0, done.output
    assert asked == [{"key": "4f1d09c2ab37", "dry_run": True}]
    assert "1200 services match" in done.output
    assert "1199 more" in done.output
    assert "add --yes" in done.output
    assert "\x1b" not in done.output


def test_with_yes_it_goes_on_until_none_is_left(purge: Run, asked: list[dict[str, Any]]) -> None:
    done = purge("--source", "shop", "--unseen-for", "2.5", "--yes")
    assert done.exit_code == 0, done.output
    given = {"source": "shop", "unseen_for_hours": 2.5}
    assert asked == [{**given, "dry_run": dry} for dry in (True, False, False, False)]
    assert "1200 retired" in done.output


def test_all_services_are_not_meant_by_saying_nothing(
    purge: Run, asked: list[dict[str, Any]]
) -> None:
    done = purge("--yes")
    assert done.exit_code != 0
    assert asked == []
