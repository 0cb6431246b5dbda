"""The `burnline` command: one function of one module for each subcommand."""

import errno
import sys
from importlib import import_module
from typing import Final

import typer

from burnline.errors import StackError
from burnline.groups import group
from common.strangers import several_lines

COMMANDS: Final = {
    "up": "burnline.commands.up:up",
    "down": "burnline.commands.up:down",
    "status": "burnline.commands.status:status",
    "logs": "burnline.commands.logs:logs",
    "env": "burnline.commands.env:env",
    "doctor": "burnline.commands.doctor:doctor",
    "clean": "burnline.commands.up:clean",
    "lint": "burnline.commands.lint:lint",
    "import": "burnline.importing.events:import_events",
    "ledger": "burnline.commands.ledger:ledger",
    "gate": "burnline.commands.gate:gate",
    "audit": "burnline.commands.audit:audit",
    "rules": "burnline.commands.rules:rules",
    "report": "burnline.commands.report:report",
    "keys": "burnline.commands.keys:keys",
    "services": "burnline.commands.services:services",
    "note": "burnline.commands.note:note",
    "dlq": "burnline.commands.dlq:dlq",
}
# What no program can mend: a disk that is full or not ours to write.
OF_THE_MACHINE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES})
CURE: Final = "make room or give access, or set BURNLINE_DATA_DIR and XDG_CACHE_HOME elsewhere"
HELP: Final = "Error budgets and burn rates from metric events: the local stack and its tools."


def make_app(*names: str) -> typer.Typer:
    """Return the command line with these commands, or with all of them.

    Only their modules are imported: those that speak with the database take a second of a core.
    """
    app = group(HELP, add_completion=False, pretty_exceptions_enable=False)
    for name in names or COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name)(command)
    return app


def main() -> None:
    """Run the command line; an error that the user can act on is printed without a trace."""
    asked = [name for name in sys.argv[1:2] if name in COMMANDS]
    try:
        make_app(*asked)()
    except StackError as error:
        typer.echo(f"error: {several_lines(error)}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        typer.echo(f"error: {error.strerror}: {error.filename}: {CURE}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
