"""Groups of subcommands, of the command line itself and below it."""

from typing import Any

import typer


def group(text: str, **options: Any) -> typer.Typer:
    """Return an empty group; without a command it shows its help, which begins with the text."""
    # with one command and no callback, Typer would take the command's name for an argument
    return typer.Typer(no_args_is_help=True, callback=lambda: None, help=text, **options)
