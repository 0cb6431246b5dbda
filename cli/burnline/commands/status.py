"""`burnline status`: every process, whether it is ready, and the health of the whole."""

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import asyncpg
import httpx
import typer
from rich.console import Console
from rich.table import Table

from burnline.client.addresses import GatewayAddress, gateway_address
from burnline.client.api_client import TIMEOUT_SECONDS, connected
from burnline.client.health import described, faults, read_health, wait_counted
from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnline.localstack.kafka import answers, silence_client_logs
from burnline.localstack.services import SERVICES, Readiness, base_url, readiness
from burnline.localstack.state import StackState, read_running
from common.config.settings import DatabaseSettings
from common.strangers import one_line

PROBE_TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """One process: `pid` is None for a server that is not run by us, or one that is down.

    `failing` says what it lacks to be ready, by name, `warnings` what else is wrong with it.
    """

    name: str
    is_up: bool
    is_ready: bool
    pid: int | None
    restarts: int
    failing: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)


def status(
    wait: Annotated[
        float | None,
        typer.Option(help="wait for so many seconds until all events are counted, with a bar"),
    ] = None,
) -> None:
    """Show processes, lag, what is not announced, dead letters, services; exit 1 if it is not well.

    Without a local stack it is the gateway of BURNLINE_URL that is asked, and processes are not
    known. Not well is: a process that is down or not ready, a gateway that does not answer, events
    or announcements that wait for more than a minute. Senders that are silent are shown.
    """
    console = Console(soft_wrap=True)
    if state := read_running(data_dir().state):
        silence_client_logs()
        wrong = _show_processes(console, state)
        token = state.environment.get("BURNLINE_API_TOKEN")
        address = GatewayAddress(state.address("BURNLINE_PORT"), token)
    elif os.environ.get("BURNLINE_URL"):
        address = gateway_address()
        wrong = _show_gateway(console, address)
    else:
        raise StackError("nothing is running: burnline up")
    wrong += _show_health(console, address, wait)
    if wrong:
        console.print(one_line(f"not healthy: {'; '.join(wrong)}"), markup=False)
        raise typer.Exit(1)


def _show_health(console: Console, address: GatewayAddress, wait: float | None) -> list[str]:
    try:
        with connected(address, TIMEOUT_SECONDS) as client:
            if wait is not None and not wait_counted(client, wait):
                console.print(f"not all is counted after {wait:g} s")
            health = read_health(client)
    except StackError as error:
        return [str(error)]
    for line in described(health, datetime.now(UTC)):
        console.print(line, markup=False, highlight=False)
    return faults(health)


def _show_gateway(console: Console, address: GatewayAddress) -> list[str]:
    with connected(address, TIMEOUT_SECONDS) as client:
        try:
            answer = client.get("/readyz").json()
            failing, warnings = dict(answer["failing"]), dict(answer.get("warnings", {}))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            return [f"{address.base_url} does not say whether it is ready: {error!r}"]
    console.print(f"gateway       {address.base_url} {'not ready' if failing else 'ready'}")
    return [f"{name}: {reason}" for name, reason in (failing | warnings).items()]


def _show_processes(console: Console, state: StackState) -> list[str]:
    rows = asyncio.run(collect(state))
    console.print(_table(rows))
    console.print(f"broker        {state.broker} {state.broker_version}".rstrip())
    for row in rows:
        for name, reason in (row.failing | row.warnings).items():
            console.print(one_line(f"{row.name}: {name}: {reason}"), markup=False, highlight=False)
    wrong = [row.name for row in rows if row.warnings or not (row.is_up and row.is_ready)]
    return wrong if state.phase == "running" else [state.phase, *wrong]


async def collect(state: StackState) -> list[Row]:
    """Probe everything that the stack uses, at the same time."""
    probes = {
        "postgres": _said(_database_answers(state.environment["DATABASE_URL"])),
        "broker": _said(answers(state.environment["KAFKA_BOOTSTRAP_SERVERS"])),
        **{s.name: readiness(base_url(state.environment, s)) for s in SERVICES},
    }
    found = dict(zip(probes, await asyncio.gather(*probes.values()), strict=True))
    return [_row(state, name, found[name]) for name in probes]


async def _said(answer: Awaitable[bool]) -> Readiness | None:
    return Readiness({}, {}) if await answer else None


def _row(state: StackState, name: str, said: Readiness | None) -> Row:
    failing = said.failing if said is not None else {}
    warnings = said.warnings if said is not None else {}
    process = "kafka" if name == "broker" else name
    child = next((child for child in state.children if child.name == process), None)
    is_ready = said is not None and not failing
    if child is None:
        return Row(f"{name} (external)", is_ready, is_ready, None, 0, failing, warnings)
    is_up = child.identity is not None and child.identity.is_alive()
    pid = child.identity.pid if child.identity is not None else None
    return Row(child.name, is_up, is_ready, pid, child.restarts, failing, warnings)


async def _database_answers(url: str) -> bool:
    try:
        settings = DatabaseSettings(DATABASE_URL=url)
        connection = await asyncpg.connect(
            **settings.connect_options(), timeout=PROBE_TIMEOUT_SECONDS
        )
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


def _table(rows: list[Row]) -> Table:
    table = Table("process", "state", "ready", "pid", "restarts", box=None)
    for row in rows:
        up = "up" if row.is_up else "down"
        ready = "yes" if row.is_ready else "no"
        table.add_row(row.name, up, ready, str(row.pid or "-"), str(row.restarts))
    return table
