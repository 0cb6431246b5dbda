"""`burnline dlq`: records that could not be taken; sending them again, or going on without."""

import getpass
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from burnline.client.api_client import ask_gateway
from burnline.errors import StackError
from burnline.groups import group
from common.access.names import attributed
from common.strangers import one_line

LARGEST_PAGE = 500
_SHOWN_CHARACTERS = 60
_PLACE = re.compile(r"(?P<topic>[^/@]+)/(?P<partition>\d{1,10})@(?P<offset>\d{1,16})")

Actor = Annotated[
    str | None, typer.Option(help="who does it, for the audit; by default the user's name")
]

dlq = group("Records whose content is wrong: look at them, send them again.")


@dlq.command("list")
def show(
    *,
    code: Annotated[str | None, typer.Option(help="only with this reason's code")] = None,
    topic: Annotated[str | None, typer.Option(help="only of this topic")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LARGEST_PAGE, help="how many")] = 20,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """List dead letters, newest first, with the reason for each."""
    filters = {"limit": limit, "code": code, "topic": topic}
    query = {name: value for name, value in filters.items() if value is not None}
    dead_letters = ask_gateway("GET", "/api/ingest/dead-letters", query=query)
    if output == "json":
        typer.echo(json.dumps(dead_letters, indent=2))
        return
    for dead_letter in dead_letters:
        typer.echo("\n".join(_lines(dead_letter)))
    if not dead_letters:
        typer.echo("no dead letters")


@dlq.command("sums")
def sums(*, limit: Annotated[int, typer.Option(min=1, max=1_000, help="how many")] = 50) -> None:
    """List what is only counted: of one cause 1 000 dead letters an hour are kept."""
    found = ask_gateway("GET", "/api/ingest/dead-letters/sums", query={"limit": limit})
    for cause in found:
        who = one_line(cause["sender"]) or "an unknown sender"
        typer.echo(f"{cause['hour']}  {cause['records']}  {cause['code']} by {who}")
        typer.echo(f"  {cause['topic']}: {one_line(cause['detail'])}")
    if not found:
        typer.echo("none beyond those that `burnline dlq list` shows")


@dlq.command("replay")
def send_again(
    letter_id: Annotated[str, typer.Argument(help="as in `burnline dlq list`")],
    *,
    event: Annotated[
        str | None, typer.Option(help="a file with the corrected record as JSON; - reads stdin")
    ] = None,
    actor: Actor = None,
) -> None:
    """Send a record again, as it was or corrected; it counts as of when it first came.

    Exit 0 once it is on its way, 1 where it was sent before or would be refused again: the reason
    is printed. What is too late even so goes by `burnline import`.
    """
    body: dict[str, Any] = {"actor": actor or getpass.getuser()}
    if event is not None:
        body["event"] = _record(event)
    dead_letter = ask_gateway("POST", f"/api/ingest/dead-letters/{letter_id}/replay", body=body)
    typer.echo(f"sent again to {dead_letter['topic']}, as of {dead_letter['appended_at']}")


@dlq.command("skip")
def skip(
    place: Annotated[
        str, typer.Argument(help="TOPIC/PARTITION@OFFSET, as `burnline status` names it")
    ],
    *,
    reason: Annotated[str, typer.Option(help="why its records may be lost, for the audit")],
    actor: Actor = None,
) -> None:
    """Let a consumer go on behind a batch that cannot be decoded: its records are never counted.

    Exit 1 unless just there stands such a batch, and all before it is applied.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise typer.BadParameter(f"{place}: give TOPIC/PARTITION@OFFSET")
    numbers = {name: int(found[name]) for name in ("partition", "offset")}
    who = actor or getpass.getuser()
    body = {"topic": found["topic"], **numbers, "reason": reason, "actor": who}
    skipped = ask_gateway("POST", "/api/ingest/skips", body=body)
    typer.echo(f"{skipped['service']} goes on at offset {skipped['next_offset']}")


def _record(source: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if source == "-" else Path(source).read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"--event {source}: {error}") from error


def _lines(dead_letter: Mapping[str, Any]) -> Sequence[str]:
    place = f"{dead_letter['topic']}/{dead_letter['partition']}@{dead_letter['offset']}"
    lines = [
        f"{dead_letter['id']}  {dead_letter['recorded_at']}  {place}",
        f"  {dead_letter['code']}: " + one_line(f"{dead_letter['field']} {dead_letter['detail']}"),
    ]
    if dead_letter["value"] is not None:
        value = dead_letter["value"]
        lines.append(f"  {value[:_SHOWN_CHARACTERS]!r}{'...' * (len(value) > _SHOWN_CHARACTERS)}")
    if dead_letter["replayed_at"]:
        by = attributed(dead_letter["replayed_by"], dead_letter.get("replayed_on_behalf_of"))
        who = one_line(by)
        lines.append(f"  sent again by {who} at {dead_letter['replayed_at']}")
    return lines
