"""`burnline report`: what the last days did to the error budgets, for those who were not there."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer

from burnline.client.addresses import gateway_address
from burnline.client.api_client import client_options
from burnline.errors import StackError
from burnline.report.figures import Period
from burnline.report.reader import ReportReader
from burnline.report.text import Format, write

LONGEST_DAYS = 90
TIMEOUT_SECONDS = 30.0
_UNIT_HOURS = {"h": 1, "d": 24}
_LENGTH = re.compile(r"(?P<count>[0-9]{1,4})(?P<unit>[hd])")


def report(
    *,
    since: Annotated[str, typer.Option(help="how far back: 24h, 7d, at most 90d")] = "7d",
    output: Annotated[Format, typer.Option("--format")] = "md",
    to: Annotated[Path | None, typer.Option("--output", help="a file; default: stdout")] = None,
) -> None:
    """Write a report on every service: objectives, budgets spent and by what, blocked releases.

    The server is taken from BURNLINE_URL, else it is the running local stack's.
    """
    text = asyncio.run(_report(Period.before(datetime.now(UTC), length(since)), output))
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


async def _report(period: Period, output: Format) -> str:
    options = client_options(gateway_address(), TIMEOUT_SECONDS)
    async with httpx.AsyncClient(**options, trust_env=False) as client:
        return await report_of(client, period, output)


async def report_of(client: httpx.AsyncClient, period: Period, output: Format) -> str:
    """Return the report of the gateway that a client speaks with."""
    try:
        reports = await ReportReader(client, period).services()
    except* StackError as errors:
        raise _first(errors) from None
    return write(reports, period, output)


def _first(errors: BaseExceptionGroup[StackError]) -> StackError:
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
