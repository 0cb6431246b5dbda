"""`burnline logs`: what the processes of the stack have written."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from burnline.errors import StackError
from burnline.localstack import logfiles
from burnline.localstack.config import data_dir
from common.strangers import visible


def logs(
    service: Annotated[str | None, typer.Argument(help="one process, by its name")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on as it grows")] = False,  # noqa: FBT002
    lines: Annotated[int, typer.Option("-n", "--lines", help="how many from the end")] = 50,
) -> None:
    """Show the end of the logs, of all processes or of one."""
    paths = _paths(service)
    for name, path in paths.items():
        for line in logfiles.tail(path, lines):
            _print(name, line)
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            for name, line in logfiles.follow(paths):
                _print(name, line)


def _paths(service: str | None) -> dict[str, Path]:
    found = {path.stem: path for path in sorted(data_dir().logs.glob("*.log"))}
    if service is None:
        return found
    if service not in found:
        known = ", ".join(found) or "none yet"
        raise StackError(f"no log of {service}; there are: {known}")
    return {service: found[service]}


def _print(name: str, line: str) -> None:
    typer.echo(f"{name:<13} {visible(line)}")
