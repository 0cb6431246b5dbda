"""`burnline ledger`: what the consumers remember of the broker."""

import asyncio
from typing import Annotated

import typer

from burnline.database import database_url
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
    url = database_url()
    if not yes:
        typer.confirm(f"Forget which records of the broker {schema} has applied?", abort=True)
    asyncio.run(reset_ledger(url, schema))
    typer.echo(f"the ledger of {schema} is empty; restart its service")
