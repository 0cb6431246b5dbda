"""`burnline gate check`: asks, waits where that is wanted, and says it by the exit status."""

import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import typer

from burnline.client.api_client import connected, gateway_address
from burnline.client.gate_client import (
    REQUEST_TIMEOUT_SECONDS,
    GateClient,
    NoAnswerError,
    Question,
)
from burnline.commands.gate_report import Format, Level, headline, report

ALLOWED: Final = 0
BLOCKED: Final = 3
WARNED: Final = 4
UNDECIDED: Final = 5

POLL_SECONDS: Final = 5.0
LONGEST_WAIT_SECONDS: Final = 86_400.0

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(?P<count>\d{1,6})(?P<unit>[smh]?)")


@dataclass(frozen=True, slots=True)
class Options:
    """How to ask: for how long to wait, whether to count a use, what fails."""

    wait_seconds: float
    use: bool
    fail_on_warn: bool
    output: Format


def duration_seconds(text: str) -> float:
    """Read `90s`, `15m`, `2h` or seconds; BadParameter for anything else."""
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found["count"]) * _UNIT_SECONDS[found["unit"] or "s"] if found else -1
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise typer.BadParameter("give a time such as 90s, 15m or 2h, at most 24h")
    return float(seconds)


def question(
    service: str, change_class: str, version: str | None, environ: Mapping[str, str] = os.environ
) -> Question:
    """Return the question for the server that the environment names, else for the local stack."""
    address = gateway_address(environ)
    return Question(address, service, change_class, version)


def run_check(asked: Question, options: Options) -> None:
    """Print the answer and exit: see `exit_status`; UNDECIDED where there is no answer."""
    with connected(asked.address, REQUEST_TIMEOUT_SECONDS) as client:
        try:
            answer = wait_for_answer(GateClient(asked, client), options)
        except NoAnswerError as error:
            typer.echo(f"cannot decide: {error}", err=True)
            raise typer.Exit(UNDECIDED) from None
    status = exit_status(answer, fail_on_warn=options.fail_on_warn)
    typer.echo(report(answer, options.output, _level(answer, status)))
    raise typer.Exit(status)


def wait_for_answer(
    client: GateClient,
    options: Options,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Return the first answer that lets the change through, or the last one before the time is up.

    A use is counted once, and only by an answer that lets it through.
    """
    deadline = now() + options.wait_seconds
    while True:
        pause = POLL_SECONDS * (0.5 + random.random())  # noqa: S311 - spreads callers over time
        is_last = now() + pause > deadline
        try:
            answer = client.use() if options.use else client.ask()
        except NoAnswerError as error:
            if is_last:
                raise
            standing = f"no answer: {error}"
        else:
            if answer["allowed"] or is_last:
                return answer
            standing = headline(answer)
        typer.echo(f"{standing}; asking again in {pause:.0f} s", err=True)
        sleep(pause)


def exit_status(answer: Mapping[str, Any], *, fail_on_warn: bool) -> int:
    """Return the exit status of an answer."""
    decision = answer["decision"]
    if not answer["allowed"]:
        return UNDECIDED if decision == "UNKNOWN" else BLOCKED
    return WARNED if fail_on_warn and decision != "ALLOW" else ALLOWED


def _level(answer: Mapping[str, Any], status: int) -> Level:
    if status != ALLOWED:
        return "error"
    return "notice" if answer["decision"] == "ALLOW" else "warning"
