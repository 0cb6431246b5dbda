"""`burnline gate`: whether a service may be released, and why."""

import json
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getuser
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from burnline.client.addresses import gateway_address
from burnline.client.api_client import ask_gateway, connected
from burnline.client.gate_client import (
    REQUEST_TIMEOUT_SECONDS,
    GateClient,
    NoAnswerError,
    Question,
)
from burnline.groups import group
from common.access.names import attributed
from common.slo import wording
from common.strangers import markdown, one_line, workflow_data

ALLOWED: Final = 0
BLOCKED: Final = 3
WARNED: Final = 4
UNDECIDED: Final = 5

POLL_SECONDS: Final = 5.0
LONGEST_WAIT_SECONDS: Final = 86_400.0

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(?P<count>\d{1,6})(?P<unit>[smh]?)")

Format = Literal["text", "json", "github"]
Level = Literal["notice", "warning", "error"]
ChangeClass = Literal["feature", "fix", "security", "rollback"]
KnownDecision = Literal["ALLOW", "WARN", "BLOCK"]

gate = group("Whether a service may be released, and why.")


@gate.command()
def check(  # noqa: PLR0913 - the options of the command
    service: Annotated[str, typer.Argument(help="the service's name")],
    *,
    change_class: Annotated[
        ChangeClass, typer.Option("--class", help="what kind of change")
    ] = "feature",
    version: Annotated[
        str | None, typer.Option(help="what is to be released; overrides may name it")
    ] = None,
    wait: Annotated[
        str, typer.Option(help="ask again until it is allowed, for so long: 90s, 15m, 2h")
    ] = "0s",
    output: Annotated[Format, typer.Option("--format")] = "text",
    fail_on: Annotated[
        Literal["block", "warn"], typer.Option(help="whether a warning fails too")
    ] = "block",
    use: Annotated[
        bool, typer.Option("--use", help="count a use of the override that lets it through")
    ] = False,
) -> None:
    """Exit 0 if the change may be released, 3 if blocked, 4 if warned (--fail-on warn).

    5 if that cannot be decided, 1 if the question is refused, 2 if the command is wrong. The
    server and its token are taken from BURNLINE_URL and BURNLINE_API_TOKEN.
    """
    options = Options(duration_seconds(wait), use, fail_on == "warn", output)
    asked = Question(gateway_address(), service, change_class, version)
    with connected(asked.address, REQUEST_TIMEOUT_SECONDS) as client:
        try:
            answer = wait_for_answer(GateClient(asked, client), options)
        except NoAnswerError as error:
            typer.echo(f"cannot decide: {one_line(error)}", err=True)
            raise typer.Exit(UNDECIDED) from None
    status = exit_status(answer, fail_on_warn=options.fail_on_warn)
    typer.echo(report(answer, options.output, _level(answer, status)))
    raise typer.Exit(status)


@gate.command()
def override(  # noqa: PLR0913 - the options of the command
    service: Annotated[str, typer.Argument(help="the service's name")],
    *,
    reason: Annotated[str, typer.Option(help="why, in at least ten characters")],
    decision: Annotated[
        KnownDecision, typer.Option(help="what the gate is to answer instead")
    ] = "ALLOW",
    change_class: Annotated[
        Literal[ChangeClass, "every"], typer.Option("--class", help="only for these changes")
    ] = "feature",
    version: Annotated[str | None, typer.Option(help="only for this version")] = None,
    minutes: Annotated[float, typer.Option(help="how long")] = 30,
    uses: Annotated[int, typer.Option(help="how many checks it lets through; 0: any number")] = 1,
    ticket: Annotated[str | None, typer.Option(help="such as INC-2211")] = None,
) -> None:
    """Decide instead of the gate: one use of one class within half an hour, unless asked otherwise.

    The key in BURNLINE_API_TOKEN needs the scope override; the audit names it.
    """
    body = {
        "actor": getuser(),
        "reason": reason,
        "decision": decision,
        "change_class": None if change_class == "every" else change_class,
        "version": version,
        "expires_in_minutes": minutes,
        "max_uses": None if decision == "BLOCK" else uses or None,
        "ticket": ticket,
    }
    made = ask_gateway("POST", f"/api/release/{quote(service, safe='')}/override", body=body)
    waits = ", once another credential has approved it" if made["state"] == "pending" else ""
    scope = made["change_class"] or "every change"
    until = f"until {made['expires_at']}{waits}"
    typer.echo(one_line(f"override {made['id']}: {made['decision']} for {scope} {until}"))


@gate.command()
def replay(
    decision_id: Annotated[str, typer.Argument(help="as `decision_id` in an answer")],
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Decide again on the stored inputs: exit 0 if all verdicts are the same, 3 if not."""
    # what speaks with the database takes a second to import, which the other commands need not
    import_module("burnline.commands.gate_replay").show_replay(decision_id, output)


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
            said = f"no answer: {one_line(error)}"
        else:
            if answer["allowed"] or is_last:
                return answer
            said = headline(answer)
        typer.echo(f"{said}; asking again in {wording.lasted(pause)}", err=True)
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
    return "notice" if standing(answer) == "ALLOW" else "warning"


def report(answer: Mapping[str, Any], output: Format, level: Level) -> str:
    """Return the answer as text for standard output; `github` writes its files beside."""
    if output == "json":
        return json.dumps(answer)
    if output == "github":
        write_github_files(answer, os.environ)
        return workflow_command(answer, level)
    return "\n".join([headline(answer), *(f"  {line}" for line in particulars(answer))])


def standing(answer: Mapping[str, Any]) -> str:
    """Return the decision in a word or two: what a person has decided is a state of its own."""
    decision = str(answer["decision"])
    return f"OVERRIDDEN ({decision})" if answer.get("override") else decision


def headline(answer: Mapping[str, Any]) -> str:
    """Return the decision in one line."""
    version = f" {answer['version']}" if answer.get("version") else ""
    meaning = "may be released" if answer["allowed"] else "must wait"
    subject = f"{answer['service_name']}{version}, {answer['change_class']}"
    return one_line(f"{standing(answer)}: {subject}: {meaning}")


def particulars(answer: Mapping[str, Any]) -> list[str]:
    """Return why, and what stands behind it."""
    lines = [f"{reason['code']}: {reason['message']}" for reason in answer["reasons"]]
    if override := answer.get("override"):
        uses = f", use {override['uses']} of {override['max_uses']}" if override["max_uses"] else ""
        by = attributed(override["actor"], override.get("on_behalf_of"))
        until = f" until {at}" if (at := override.get("expires_at")) else ""
        lines.append(f"override {override['id']} by {by}{until}{uses}: {override['reason']}")
    if answer.get("unblocked_at"):
        lines.append(f"expected to end at {answer['unblocked_at']} if no more errors come")
    name = answer["decision_id"] or "none yet"
    age = wording.lasted(answer["data_age_seconds"])
    lines.append(f"risk {answer['risk_level']}, data {age} old, decision {name}")
    return [one_line(line) for line in lines]


def workflow_command(answer: Mapping[str, Any], level: Level) -> str:
    """Return the command that makes an annotation of a workflow's run."""
    title = (
        workflow_data(f"Release gate: {standing(answer)}").replace(":", "%3A").replace(",", "%2C")
    )
    message = workflow_data("\n".join([headline(answer), *particulars(answer)]))
    return f"::{level} title={title}::{message}"


def write_github_files(answer: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Append the step's outputs and its summary to the files that the runner names."""
    if outputs := environ.get("GITHUB_OUTPUT"):
        names = ("decision", "risk_level", "decision_id", "expires_at")
        flags = {"allowed": answer["allowed"], "overridden": bool(answer.get("override"))}
        lines = [f"{name}={str(value).lower()}" for name, value in flags.items()]
        lines += [f"{name}={one_line(answer[name])}" for name in names]
        _append(outputs, lines)
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        text = ["### Release gate", "", markdown(headline(answer)), ""]
        _append(summary, [*text, *(f"- {markdown(line)}" for line in particulars(answer)), ""])


def _append(file: str, lines: list[str]) -> None:
    with Path(file).open("a", encoding="utf-8") as target:
        target.writelines(f"{line}\n" for line in lines)
