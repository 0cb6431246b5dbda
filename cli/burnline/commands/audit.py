"""`burnline audit`: who overrode the gate or changed a policy, and whether all of it is there."""

from importlib import import_module
from typing import Annotated

import typer

audit = typer.Typer(no_args_is_help=True, help="The record of overrides and policy changes.")


@audit.callback()
def _group() -> None:
    """Keep `verify` a subcommand although it is the only one."""


@audit.command()
def verify(
    expect: Annotated[
        str | None,
        typer.Option(help="an entry noted earlier, as ID:HASH, that must still be there"),
    ] = None,
) -> None:
    """Follow the chain of hashes from the first entry: exit 0 if it holds, 3 if it is broken."""
    # what speaks with the database takes a second to import, which the other commands need not
    import_module("burnline.commands.audit_verify").show_verdict(expect)
