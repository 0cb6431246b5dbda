"""Where a command finds the servers: the caller's environment, else the running local stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from burnline.errors import StackError
from burnline.localstack.config import DataDir, data_dir
from burnline.localstack.state import read_state


@dataclass(frozen=True, slots=True)
class Addresses:
    """The servers that belong together; `database_url` is None where it is not known."""

    bootstrap_servers: str
    database_url: str | None
    data_dir: DataDir


def addresses(environ: Mapping[str, str] = os.environ) -> Addresses:
    """Return the servers in use; never a broker of one place and a database of another.

    Raises StackError where neither the environment nor a running stack names a broker.
    """
    directory = data_dir(environ)
    variables: Mapping[str, str] = environ
    if not environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        state = read_state(directory.state)
        if state is None or not state.is_running():
            raise StackError(
                "no broker is known: start the local stack (burnline up), or set "
                "KAFKA_BOOTSTRAP_SERVERS (and DATABASE_URL)"
            )
        variables = state.environment
    return Addresses(
        variables["KAFKA_BOOTSTRAP_SERVERS"], variables.get("DATABASE_URL") or None, directory
    )
