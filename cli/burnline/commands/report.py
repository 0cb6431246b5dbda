"""`burnline report`: what the last days did to the error budgets, for those who were not there."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

LONGEST_DAYS = 90
_UNIT_HOURS = {"h": 1, "d": 24}
_LENGTH = re.compile(r"(?P<count>[0-9]{1,4})(?P<unit>[hd])")


def report(
    *,
    since: Annotated[str, typer.Option(help="how far back: 24h, 7d, at most 90d")] = "7d",
    output: Annotated[Literal["md", "html"], typer.Option("--format")] = "md",
    to: Annotated[Path | None, typer.Option("--output", help="a file; default: stdout")] = None,
) -> None:
    """Write a report on every service: objectives, budgets spent and by what, blocked releases.

    The server is taken from BURNLINE_URL, else it is the running local stack's.
    """
    # numbers and templates take a second to import, which the other commands need not
    module = import_module("burnline.report.run")
    text = asyncio.run(module.made(datetime.now(UTC), length(since), output))
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text)


def length(text: str) -> timedelta:
    """Read `24h` or `7d`; BadParameter for anything else."""
    read = _LENGTH.fullmatch(text)
    found = timedelta(hours=int(read["count"]) * _UNIT_HOURS[read["unit"]]) if read else timedelta()
    if not timedelta() < found <= timedelta(days=LONGEST_DAYS):
        raise typer.BadParameter("give a time such as 24h or 7d, at most 90d")
    return found
