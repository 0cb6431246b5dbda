"""What the caller's environment asks of the local stack."""

import hashlib
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.places import write_private
from burnline.localstack.ports import ConfiguredPort
from burnline.localstack.state import KEY_FILE, local_url
from common.access.keys import presented_key

DEFAULT_PORTS: Final = {
    "BURNLINE_PORT": 8000,
    "BURNLINE_INGEST_PORT": 8001,
    "BURNRATE_PORT": 8002,
    "FORECAST_PORT": 8003,
    "GATE_PORT": 8004,
    "ALERTS_PORT": 8005,
}
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})
LAST_TCP_PORT: Final = 65_535
# A caller's PGPORT or PGDATA would change what our own server does.
SERVER_BLIND_TO: Final = ("PG", "KAFKA_", "CLASSPATH")


@dataclass(frozen=True, slots=True)
class DataDir:
    """The paths inside one stack's data directory."""

    path: Path

    @property
    def token(self) -> Path:
        """The token of the stack, which makes keys and is nobody's, mode 0600."""
        return self.path / "token"

    @property
    def key(self) -> Path:
        """The key of who started the stack, mode 0600."""
        return self.path / KEY_FILE

    @property
    def state(self) -> Path:
        """The state file, written by the supervisor."""
        return self.path / "state.json"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor as long as it lives."""
        return self.path / "supervisor.lock"

    @property
    def up_lock(self) -> Path:
        """Locked by `up`, `down` and `clean`, so that they take turns."""
        return self.path / "command.lock"

    @property
    def demo_declared(self) -> Path:
        """There once the simulated services have been declared."""
        return self.path / "simulator-declared"

    @property
    def servers_ready(self) -> Path:
        """There from when database and topics are, which the services wait for."""
        return self.path / "servers-ready"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.path / "logs"

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name}.log"

    def environment(self, name: str) -> Path:
        """KEY=value lines that are added to one process's environment at each of its starts."""
        return self.path / "environment" / f"{name}.env"

    def hold(self, name: str) -> Path:
        """While this file is there, the supervisor does not start that process again."""
        return self.path / "hold" / name


@dataclass(frozen=True, slots=True)
class StackConfig:
    """The settings of one stack; empty variables count as unset."""

    data_dir: DataDir
    host: str
    ports: tuple[ConfiguredPort, ...]
    database_url: str | None
    bootstrap_servers: str | None
    partitions: int
    token: str | None
    simulator: bool

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "StackConfig":
        """Read the variables of README's table; StackError names one that makes no sense."""
        return cls(
            data_dir=data_dir(environ),
            host=environ.get("BURNLINE_HOST") or "127.0.0.1",
            ports=tuple(_port(environ, name) for name in DEFAULT_PORTS),
            database_url=environ.get("DATABASE_URL") or None,
            bootstrap_servers=environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
            partitions=_integer(environ, "BURNLINE_PARTITIONS", 4, 1024),
            token=environ.get("BURNLINE_API_TOKEN") or None,
            simulator=(environ.get("ENABLE_METRICS_SIMULATOR") or "true").lower()
            not in FALSE_WORDS,
        )


def data_dir(environ: Mapping[str, str] = os.environ) -> DataDir:
    """The data directory of the environment, absolute."""
    return DataDir(Path(environ.get("BURNLINE_DATA_DIR") or ".burnline").absolute())


def ensure_token(config: StackConfig) -> str:
    """The API token of the stack: the caller's, else the stored one, made once.

    A key is none: it stands in the environment of who has evaluated `burnline env`.
    """
    if config.token and presented_key(config.token) is None:
        return config.token
    path = config.data_dir.token
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def service_environment(config: StackConfig, token: str) -> dict[str, str]:
    """What migrations and services get; servers that we run ourselves add their addresses."""
    ports = {port.variable: str(port.port) for port in config.ports}
    dashboard = local_url(config.host, ports["BURNLINE_PORT"])
    return {
        **os.environ,
        "BURNLINE_HOST": config.host,
        "BURNLINE_DATA_DIR": str(config.data_dir.path),
        "BURNLINE_API_TOKEN": token,
        "BURNLINE_PARTITIONS": str(config.partitions),
        "BURNLINE_INSTANCE_ID": os.environ.get("BURNLINE_INSTANCE_ID") or _instance_id(config),
        "ENABLE_METRICS_SIMULATOR": "true" if config.simulator else "false",
        # links in notifications lead to this stack, whatever else listens on the usual port
        "ALERTS_EXTERNAL_URL": os.environ.get("ALERTS_EXTERNAL_URL") or dashboard,
        **ports,
    }


def _instance_id(config: StackConfig) -> str:
    """Return a name for this stack's only process of each service, the same at every start."""
    stack = f"{socket.gethostname()} {config.data_dir.path}"
    return f"local-{hashlib.sha256(stack.encode()).hexdigest()[:16]}"


def server_environment(services: dict[str, str]) -> dict[str, str]:
    """The environment of PostgreSQL and the broker: without what would redirect them."""
    return {key: value for key, value in services.items() if not key.startswith(SERVER_BLIND_TO)}


def _port(environ: Mapping[str, str], variable: str) -> ConfiguredPort:
    port = _integer(environ, variable, DEFAULT_PORTS[variable], LAST_TCP_PORT)
    return ConfiguredPort(variable, port, explicit=bool(environ.get(variable)))


def _integer(environ: Mapping[str, str], variable: str, default: int, highest: int) -> int:
    raw = environ.get(variable) or str(default)
    if not raw.isdecimal() or not 1 <= int(raw) <= highest:
        raise StackError(f"{variable}={raw}: give a whole number from 1 to {highest}")
    return int(raw)
