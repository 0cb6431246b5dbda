"""`burnline gate`: whether a service may be released, and why."""

from importlib import import_module
from typing import Annotated, Literal

import typer

gate = typer.Typer(no_args_is_help=True, help="Whether a service may be released, and why.")


@gate.callback()
def _group() -> None:
    """Keep the subcommands although there may be only one."""


@gate.command()
def replay(
    decision_id: Annotated[str, typer.Argument(help="as `decision_id` in an answer")],
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Decide again on the stored inputs: exit 0 if all verdicts are the same, 3 if not."""
    # what speaks with the database takes a second to import, which the other commands need not
    import_module("burnline.gate_replay").show_replay(decision_id, output)
