"""`burnline gate check`: what it asks, how long it waits, what it prints, how it exits."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from burnline.client import gate_client
from burnline.client.addresses import GatewayAddress
from burnline.client.gate_client import PATIENCE_SECONDS, GateClient, NoAnswerError, Question
from burnline.commands.gate import Options, duration_seconds, exit_status, report, wait_for_answer
from burnline.errors import StackError
from burnline.main import make_app

ANSWER: dict[str, Any] = {
    "service_name": "checkout",
    "decision": "ALLOW",
    "allowed": True,
    "risk_level": "SAFE",
    "reasons": [{"code": "within_budget", "message": "100 % of the budget is left, 3: fine"}],
    "data_age_seconds": 2.4,
    "decision_id": "01JD3Z",
    "evaluated_at": "2026-11-23T06:40:00Z",
    "expires_at": "2026-11-23T06:40:30Z",
    "override": None,
    "change_class": "feature",
    "version": None,
    "unblocked_at": None,
}
STATES = {
    "ALLOW": ("ALLOW", True),
    "WARN": ("WARN", True),
    "BLOCK": ("BLOCK", False),
    "UNKNOWN": ("UNKNOWN", False),
    "UNKNOWN, allowed": ("UNKNOWN", True),
}
SERVER = GatewayAddress("http://gate.example:8000", "a token")
ASKED = Question(SERVER, "checkout", "fix", "1.42.1")


def answer(state: str, **fields: Any) -> dict[str, Any]:
    decision, allowed = STATES[state]
    return {**ANSWER, "decision": decision, "allowed": allowed, **fields}


class Server:
    """Gives its outcomes one after the other, the last one for ever; notes what it was asked."""

    def __init__(self, *outcomes: Any) -> None:
        self.requests: list[httpx.Request] = []
        self._outcomes = list(outcomes)
        self.slept: list[float] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = self._outcomes[0] if len(self._outcomes) == 1 else self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, httpx.Response):
            return outcome
        return httpx.Response(200, json=outcome)

    def client(self) -> httpx.Client:
        transport = httpx.MockTransport(self.respond)
        return httpx.Client(base_url=SERVER.base_url, transport=transport)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return sum(self.slept)

    def asks(self) -> GateClient:
        client = self.client()
        return GateClient(ASKED, client, sleep=self.sleep, now=self.now, jitter=lambda: 0.5)


def options(wait_seconds: float = 0, *, use: bool = False) -> Options:
    return Options(wait_seconds, use, fail_on_warn=False, output="text")


def wait(server: Server, chosen: Options) -> dict[str, Any]:
    return wait_for_answer(server.asks(), chosen, sleep=server.sleep, now=server.now)


@pytest.mark.parametrize(
    ("state", "status", "strict"),
    [
        ("ALLOW", 0, 0),
        ("WARN", 0, 4),
        ("BLOCK", 3, 3),
        ("UNKNOWN", 5, 5),
        ("UNKNOWN, allowed", 0, 4),
    ],
)
def test_the_exit_status_of_each_decision(state: str, status: int, strict: int) -> None:
    assert exit_status(answer(state), fail_on_warn=False) == status
    assert exit_status(answer(state), fail_on_warn=True) == strict


def test_class_and_version_are_asked_for() -> None:
    server = Server(ANSWER)
    assert wait(server, options()) == ANSWER
    [request] = server.requests
    assert (request.method, request.url.path) == ("GET", "/api/release/checkout")
    assert dict(request.url.params) == {"change_class": "fix", "version": "1.42.1"}


def test_a_name_is_one_segment_of_the_path_whatever_is_in_it() -> None:
    server = Server(ANSWER)
    strange = Question(SERVER, "../services?x", "fix", None)
    GateClient(strange, server.client()).ask()
    assert server.requests[0].url.raw_path.startswith(b"/api/release/..%2Fservices%3Fx?")


def test_a_use_is_a_post_and_is_not_sent_twice() -> None:
    server = Server(ANSWER)
    assert wait(server, options(use=True)) == ANSWER
    assert [(r.method, r.url.path) for r in server.requests] == [
        ("POST", "/api/release/checkout/check")
    ]
    broken = Server(httpx.ReadTimeout("too slow"), ANSWER)
    with pytest.raises(NoAnswerError):
        wait(broken, options(use=True))
    assert len(broken.requests) == 1
    refused = Server(httpx.ConnectError("refused"), ANSWER)
    assert wait(refused, options(use=True)) == ANSWER


PASSING: list[Any] = [
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("too slow"),
    httpx.Response(503),
    httpx.Response(429),
    httpx.Response(502, text="<html>"),
]


@pytest.mark.parametrize("outcome", PASSING)
def test_what_passes_is_asked_again(outcome: Any) -> None:
    server = Server(outcome, outcome, ANSWER)
    assert wait(server, options()) == ANSWER
    assert server.slept == [0.25, 0.5]


@pytest.mark.parametrize("outcome", PASSING)
def test_without_any_answer_it_ends_in_time(outcome: Any) -> None:
    server = Server(outcome)
    with pytest.raises(NoAnswerError):
        wait(server, options())
    assert server.now() < PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(404, json={"detail": "There is no service"}), "There is no service"),
        (httpx.Response(401, json={"detail": "Send the token"}), "Send the token"),
        (httpx.Response(422, text="?"), "422"),
        (httpx.Response(200, text="<html>"), "answers no JSON"),
        (httpx.Response(200, json=[1]), "no release decision"),
        (httpx.Response(302, headers={"Location": "/login"}), "302"),
    ],
)
def test_what_will_not_pass_is_told_at_once(response: httpx.Response, said: str) -> None:
    response.request = httpx.Request("GET", SERVER.base_url)
    server = Server(response)
    with pytest.raises(StackError, match=said):
        wait(server, options(60))
    assert len(server.requests) == 1


def test_it_waits_until_it_is_allowed() -> None:
    server = Server(answer("BLOCK"), answer("UNKNOWN"), httpx.Response(503), ANSWER)
    assert wait(server, options(60))["decision"] == "ALLOW"
    assert len(server.slept) == 3


def test_it_waits_through_a_silence_longer_than_its_patience() -> None:
    outage = [httpx.ConnectError("refused")] * 9
    server = Server(answer("BLOCK"), *outage, ANSWER)
    assert wait(server, options(120))["decision"] == "ALLOW"
    assert PATIENCE_SECONDS < server.now() < 120


def test_it_gives_the_last_answer_when_the_time_is_up() -> None:
    server = Server(answer("BLOCK"))
    assert wait(server, options(60))["decision"] == "BLOCK"
    assert 60 - 7.5 < server.now() <= 60
    assert 8 <= len(server.requests) <= 24


def test_a_use_is_counted_only_by_the_answer_that_lets_through() -> None:
    server = Server(answer("BLOCK"), answer("BLOCK"), ANSWER)
    wait(server, options(60, use=True))
    assert [r.method for r in server.requests] == ["POST"] * 3


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("0", 0), (" 30 ", 30)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


def test_the_text_says_what_decides() -> None:
    shown = answer("BLOCK", unblocked_at="2026-11-23T09:40:00Z", version="1.42.1")
    lines = report(shown, "text", "error").splitlines()
    assert lines[0] == "BLOCK: checkout 1.42.1, feature: must wait"
    assert "  within_budget: 100 % of the budget is left, 3: fine" in lines
    assert "  expected to end at 2026-11-23T09:40:00Z if no more errors come" in lines
    assert lines[-1] == "  risk SAFE, data 2.4 s old, decision 01JD3Z"


OVERRIDE = {
    "id": 3,
    "actor": "key/ana",
    "uses": 1,
    "max_uses": 2,
    "reason": "hotfix",
    "expires_at": "2026-11-23T07:10:00Z",
}


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("ALLOW", "OVERRIDDEN (ALLOW): checkout, feature: may be released"),
        ("BLOCK", "OVERRIDDEN (BLOCK): checkout, feature: must wait"),
    ],
)
def test_what_a_person_decided_is_not_shown_as_health(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, line: str
) -> None:
    shown = answer(state, override=OVERRIDE)
    found = run(Server(shown))
    assert found.stdout.splitlines()[0] == line
    assert (
        "  override 3 by key/ana until 2026-11-23T07:10:00Z, use 1 of 2: hotfix"
        in found.stdout.splitlines()
    )
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    level = "warning" if state == "ALLOW" else "error"
    github = run(None, "--format", "github")  # of the same server
    assert github.exit_code == found.exit_code == (0 if state == "ALLOW" else 3)
    title = f"Release gate%3A OVERRIDDEN ({state})"
    assert github.stdout.startswith(f"::{level} title={title}::")
    assert "overridden=true" in (tmp_path / "outputs").read_text().splitlines()


def test_json_is_the_answer_itself() -> None:
    assert json.loads(report(answer("WARN"), "json", "warning")) == answer("WARN")


def test_github_gets_an_annotation_outputs_and_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, summary = tmp_path / "outputs", tmp_path / "summary"
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    printed = report(answer("BLOCK"), "github", "error")
    assert printed.startswith("::error title=Release gate%3A BLOCK::BLOCK: checkout, feature")
    assert "\n" not in printed
    assert "100 %25 of the budget" in printed
    written = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    assert written["decision"] == "BLOCK"
    assert (written["allowed"], written["overridden"]) == ("false", "false")
    assert written["decision_id"] == "01JD3Z"
    assert "### Release gate" in summary.read_text()
    assert "- within\\_budget: 100 % of the budget is left, 3: fine" in summary.read_text()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Run the command against a server of this test; `None` for no address at all."""
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BURNLINE_API_TOKEN", "a token")
    monkeypatch.delenv("BURNLINE_URL", raising=False)
    monkeypatch.setattr(gate_client, "PATIENCE_SECONDS", 0)

    def invoke(server: Server | None, *arguments: str, command: str = "check") -> Any:
        if server is not None:
            monkeypatch.setenv("BURNLINE_URL", SERVER.base_url)
            transport = httpx.MockTransport(server.respond)
            original = httpx.Client
            monkeypatch.setattr("httpx.Client", lambda **kw: original(transport=transport, **kw))
        return CliRunner().invoke(make_app("gate"), ["gate", command, "checkout", *arguments])

    return invoke


@pytest.mark.parametrize(
    ("state", "arguments", "status"),
    [
        ("ALLOW", (), 0),
        ("WARN", (), 0),
        ("WARN", ("--fail-on", "warn"), 4),
        ("BLOCK", (), 3),
        ("UNKNOWN", (), 5),
    ],
)
def test_the_command_exits_as_it_says(
    run: Callable[..., Any], state: str, arguments: tuple[str, ...], status: int
) -> None:
    server = Server(answer(state))
    found = run(server, "--format", "json", *arguments)
    assert found.exit_code == status
    assert json.loads(found.stdout) == answer(state)
    assert server.requests[0].headers["Authorization"] == "Bearer a token"


def test_no_answer_is_not_a_block(run: Callable[..., Any]) -> None:
    found = run(Server(httpx.ConnectError("refused")))
    assert found.exit_code == 5
    assert found.stdout == ""
    assert "cannot decide" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--class", "party"), ("--wait", "soon"), ("--wait", "25h"), ("--format", "xml"), ("a", "b")],
)
def test_a_wrong_command_is_a_usage_error(
    run: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    server = Server(ANSWER)
    assert run(server, *arguments).exit_code == 2
    assert server.requests == []


def test_without_an_address_it_says_how_to_give_one(run: Callable[..., Any]) -> None:
    found = run(None)
    assert isinstance(found.exception, StackError)
    assert re.search("BURNLINE_URL", str(found.exception))


MADE = {"id": 7, "state": "active", "decision": "ALLOW", "change_class": "feature"}
UNTIL = {"expires_at": "2026-11-23T07:10:00Z"}


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ((), {"change_class": "feature", "expires_in_minutes": 30, "max_uses": 1}),
        (
            ("--class", "every", "--minutes", "90", "--uses", "0"),
            {"change_class": None, "expires_in_minutes": 90, "max_uses": None},
        ),
        (("--decision", "BLOCK"), {"decision": "BLOCK", "max_uses": None}),
    ],
)
def test_an_override_is_one_use_of_one_class_within_half_an_hour_unless_asked_otherwise(
    run: Callable[..., Any], options: tuple[str, ...], asked: dict[str, Any]
) -> None:
    server = Server(httpx.Response(201, json=MADE | UNTIL))
    why = ("--reason", "hotfix for the payment outage")
    found = run(server, *why, *options, command="override")
    assert found.exit_code == 0, found.output
    assert found.stdout == "override 7: ALLOW for feature until 2026-11-23T07:10:00Z\n"
    [request] = server.requests
    assert (request.method, request.url.path) == ("POST", "/api/release/checkout/override")
    body = json.loads(request.content)
    assert body | asked == body
    assert body["reason"] == "hotfix for the payment outage"


def test_an_override_that_waits_for_another_credential_says_so(run: Callable[..., Any]) -> None:
    server = Server(httpx.Response(202, json=MADE | UNTIL | {"state": "pending"}))
    found = run(server, "--reason", "hotfix for the payment outage", command="override")
    assert found.stdout.endswith(", once another credential has approved it\n")
