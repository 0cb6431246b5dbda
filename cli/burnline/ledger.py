"""`burnline ledger`: what the consumers remember of the broker."""

import asyncio
import os
from typing import Annotated

import typer

from burnline.config import data_dir
from burnline.errors import StackError
from burnline.state import read_state
from common.ledger_store import reset_ledger

ledger = typer.Typer(no_args_is_help=True, help="What the consumers remember of the broker.")


@ledger.callback()
def _group() -> None:
    """Keep `reset` a subcommand although it is the only one."""


@ledger.command()
def reset(
    schema: Annotated[str, typer.Option(help="the service whose ledger is meant")] = "burnrate",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,  # noqa: FBT002
) -> None:
    """Forget the offsets of a broker that is gone, so that its successor is read from the start."""
    url = os.environ.get("DATABASE_URL") or _running_database()
    if not yes:
        typer.confirm(f"Forget which records of the broker {schema} has applied?", abort=True)
    asyncio.run(reset_ledger(url, schema))
    typer.echo(f"the ledger of {schema} is empty; restart its service")


def _running_database() -> str:
    state = read_state(data_dir().state)
    if state is None or not state.is_running():
        raise StackError("no database is known: set DATABASE_URL, or burnline up")
    return state.environment["DATABASE_URL"]
