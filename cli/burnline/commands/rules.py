"""`burnline rules`: alert rules tried on what has happened."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

MAX_HOURS = 24

rules = typer.Typer(no_args_is_help=True, help="Alert rules tried on what has happened.")


@rules.callback()
def _keep_subcommands() -> None:
    # with one command and no callback, Typer would take the command's name for an argument
    return


@rules.command("test")
def replay_rules(
    file: Annotated[
        Path, typer.Argument(help="rules as in rules.yaml", exists=True, dir_okay=False)
    ],
    *,
    hours: Annotated[
        int, typer.Option(min=1, max=MAX_HOURS, help="how far back to begin")
    ] = MAX_HOURS,
    truth: Annotated[
        Path | None,
        typer.Option(help="the simulator's truth; by default the one in the data directory"),
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Replay stored history through the rules of a file, minute by minute.

    Prints what would have been told, when, for how long; and, against the simulator's truth,
    precision, recall and detection time. Forecasts are not replayed: exhaustion rules stay quiet.
    """
    # what speaks with the database takes a second to import
    import_module("burnline.commands.rules_replay").run_test(file, hours, truth, output)
