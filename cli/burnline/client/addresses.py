"""Where a command finds the servers: the caller's environment, else the running local stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from burnline.errors import StackError
from burnline.localstack.config import DataDir, data_dir
from burnline.localstack.state import StackState, read_running


@dataclass(frozen=True, slots=True)
class Addresses:
    """The servers that belong together; `database_url` is None where it is not known."""

    bootstrap_servers: str
    database_url: str | None
    data_dir: DataDir


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where the gateway or ingest is; `token` is needed for what changes something."""

    base_url: str
    token: str | None


def addresses(environ: Mapping[str, str] = os.environ) -> Addresses:
    """Return the servers in use; never a broker of one place and a database of another.

    Raises StackError where neither the environment nor a running stack names a broker.
    """
    variables: Mapping[str, str] = environ
    if not environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        cure = (
            "start the local stack (burnline up), or set KAFKA_BOOTSTRAP_SERVERS (and DATABASE_URL)"
        )
        variables = running_stack("broker", cure, environ).environment
    database = variables.get("DATABASE_URL") or None
    return Addresses(variables["KAFKA_BOOTSTRAP_SERVERS"], database, data_dir(environ))


def database_url(environ: Mapping[str, str] = os.environ) -> str:
    """Return DATABASE_URL, else the address of the running stack's; StackError without either."""
    if url := environ.get("DATABASE_URL"):
        return url
    state = running_stack("database", "set DATABASE_URL, or burnline up", environ)
    return state.environment["DATABASE_URL"]


def gateway_address(environ: Mapping[str, str] = os.environ) -> GatewayAddress:
    """Return the gateway of BURNLINE_URL and BURNLINE_API_TOKEN, else the local stack's.

    Raises StackError where there is neither.
    """
    return _http_address("gateway", "BURNLINE_URL", "BURNLINE_PORT", environ)


def ingest_address(environ: Mapping[str, str] = os.environ) -> GatewayAddress:
    """Return ingest of BURNLINE_INGEST_URL and BURNLINE_API_TOKEN, else the local stack's.

    Raises StackError where there is neither.
    """
    return _http_address("ingest", "BURNLINE_INGEST_URL", "BURNLINE_INGEST_PORT", environ)


def _http_address(
    what: str, variable: str, port: str, environ: Mapping[str, str]
) -> GatewayAddress:
    url, token = environ.get(variable), environ.get("BURNLINE_API_TOKEN")
    if not url:
        state = running_stack(what, f"set {variable}, or burnline up", environ)
        url = state.address(port)
        token = token or state.environment.get("BURNLINE_API_TOKEN")
    return GatewayAddress(url, token)


def running_stack(what: str, cure: str, environ: Mapping[str, str]) -> StackState:
    """Return the running stack; StackError says that no `what` is known where there is none."""
    state = read_running(data_dir(environ).state)
    if state is None:
        raise StackError(f"no {what} is known: {cure}")
    return state
