"""`burnline env`: the addresses in use, for a shell or a program."""

import json
import shlex
from typing import Annotated

import typer

from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnline.localstack.state import read_running


def env(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    export: Annotated[
        bool, typer.Option(help="so that the processes that a shell starts have them, too")
    ] = True,
) -> None:
    """Print the variables of the running stack, quoted for a shell: eval "$(burnline env)"."""
    state = read_running(data_dir().state)
    if state is None:
        raise StackError("nothing is running: burnline up")
    variables = {
        "BURNLINE_URL": state.address("BURNLINE_PORT"),
        "BURNLINE_INGEST_URL": state.address("BURNLINE_INGEST_PORT"),
        **state.environment,
    }
    if as_json:
        typer.echo(json.dumps(variables, indent=2))
        return
    word = "export " if export else ""
    for key, value in variables.items():
        typer.echo(f"{word}{key}={shlex.quote(value)}")
