"""`burnline env`: the addresses in use, for a shell or a program."""

import json
import shlex
from typing import Annotated

import typer

from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnline.localstack.state import read_running


def env(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,  # noqa: FBT002
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
    for key, value in variables.items():
        typer.echo(f"{key}={shlex.quote(value)}")
