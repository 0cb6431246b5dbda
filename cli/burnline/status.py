"""`burnline status`: every process, whether it is ready, and how far the consumer is behind."""

import asyncio
from dataclasses import dataclass

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from burnline.config import data_dir
from burnline.errors import StackError
from burnline.kafka import answers, silence_client_logs
from burnline.lag import consumer_lag
from burnline.services import SERVICES, base_url, is_service_ready
from burnline.state import StackState, read_state
from common.settings import DatabaseSettings

PROBE_TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """One process: `pid` is None for a server that is not run by us, or one that is down."""

    name: str
    is_up: bool
    is_ready: bool
    pid: int | None
    restarts: int


def status() -> None:
    """Show the state of the stack; exit 1 unless everything is up and ready."""
    state = read_state(data_dir().state)
    if state is None or not state.is_running():
        raise StackError("nothing is running: burnline up")
    silence_client_logs()
    rows = asyncio.run(collect(state))
    variables = state.environment
    lag = asyncio.run(consumer_lag(variables["KAFKA_BOOTSTRAP_SERVERS"], variables["DATABASE_URL"]))
    console = Console(soft_wrap=True)
    console.print(_table(rows))
    console.print(f"broker        {state.broker} {state.broker_version}".rstrip())
    console.print(f"consumer lag  {'unknown' if lag is None else f'{lag} records'}")
    if state.phase != "running" or not all(row.is_up and row.is_ready for row in rows):
        console.print(f"not healthy ({state.phase})")
        raise typer.Exit(1)


async def collect(state: StackState) -> list[Row]:
    """Probe everything that the stack uses, at the same time."""
    probes = {
        "postgres": _database_answers(state.environment["DATABASE_URL"]),
        "broker": answers(state.environment["KAFKA_BOOTSTRAP_SERVERS"]),
        **{s.name: is_service_ready(base_url(state.environment, s)) for s in SERVICES},
    }
    ready = dict(zip(probes, await asyncio.gather(*probes.values()), strict=True))
    return [_row(state, name, is_ready=ready[name]) for name in probes]


def _row(state: StackState, name: str, *, is_ready: bool) -> Row:
    names = {name, "kafka", "memory-broker"} if name == "broker" else {name}
    child = next((child for child in state.children if child.name in names), None)
    if child is None:
        return Row(f"{name} (external)", is_ready, is_ready, None, 0)
    is_up = child.identity is not None and child.identity.is_alive()
    pid = child.identity.pid if child.identity is not None else None
    return Row(child.name, is_up, is_ready, pid, child.restarts)


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
