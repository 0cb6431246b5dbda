"""Reads and writes one report."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnline.localstack.state import read_state
from burnline.report.figures import Period
from burnline.report.reader import ReportReader
from burnline.report.text import Format, write

TIMEOUT_SECONDS = 30.0


async def made(until: datetime, length: timedelta, output: Format) -> str:
    """Return the report of the gateway that the environment names."""
    async with httpx.AsyncClient(
        base_url=gateway_url(), timeout=TIMEOUT_SECONDS, trust_env=False
    ) as client:
        return await report_of(client, Period.before(until, length), output)


async def report_of(client: httpx.AsyncClient, period: Period, output: Format) -> str:
    """Return the report of the gateway that a client speaks with."""
    try:
        reports = await ReportReader(client, period).services()
    except* StackError as errors:
        raise _first(errors) from None
    return write(reports, period, output)


def gateway_url(environ: Mapping[str, str] = os.environ) -> str:
    """Return BURNLINE_URL, else the running stack's address; StackError without either."""
    if url := environ.get("BURNLINE_URL"):
        return url
    state = read_state(data_dir(environ).state)
    if state is None or not state.is_running():
        raise StackError("no gateway is known: set BURNLINE_URL, or burnline up")
    return state.address("BURNLINE_PORT")


def _first(errors: BaseExceptionGroup[StackError]) -> StackError:
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
