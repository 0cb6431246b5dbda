"""The `burnline` command: one function of one module for each subcommand."""

import sys

import typer

from burnline.doctor import doctor
from burnline.env import env
from burnline.errors import StackError
from burnline.import_events import import_events
from burnline.ledger import ledger
from burnline.logs import logs
from burnline.status import status
from burnline.up import clean, down, up

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Error budgets and burn rates from metric events: the local stack and its tools.",
)
for command in (up, down, status, logs, env, doctor, clean):
    app.command()(command)
app.command(name="import")(import_events)
app.add_typer(ledger, name="ledger")


def main() -> None:
    """Run the command line; an error that the user can act on is printed without a trace."""
    try:
        app()
    except StackError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
