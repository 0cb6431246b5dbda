"""`burnline doctor`: what this machine lacks, and the command that cures it."""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import typer

from burnline.errors import StackError
from burnline.localstack.artifacts import expected_jars, jars_dir, verify_jars
from burnline.localstack.config import StackConfig
from burnline.localstack.launch import settle_ports
from burnline.localstack.places import free_bytes
from burnline.localstack.ports import Reservations
from burnline.localstack.postgres_home import are_usable, unprivileged_account, wheel_binaries
from burnline.localstack.runtimes import JAVA, NODE, Runtime, find, version_of
from burnline.localstack.state import read_running

MIN_PYTHON: Final = (3, 11)
MIN_FREE_BYTES: Final = 2_000_000_000
INSTALLS: Final = "the next `burnline up` installs"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `cure` is empty when it is fine."""

    what: str
    detail: str
    cure: str = ""


def doctor() -> None:
    """Check what the local stack needs; exit 1 if something that is needed is missing."""
    checks = examine(StackConfig.from_environment())
    for check in checks:
        result = "MISSING" if check.cure else "ok     "
        typer.echo(f"{result} {check.what:<12} {check.detail}")
        if check.cure:
            typer.echo(f"{'':<20} cure: {check.cure}")
    if any(check.cure for check in checks):
        raise typer.Exit(1)


def examine(config: StackConfig) -> list[Check]:
    """Look at everything; nothing is installed, downloaded or changed."""
    checks = [_python()]
    if config.bootstrap_servers is None:
        checks += [_runtime(JAVA), _jars()]
    if config.database_url is None:
        checks += [_attempt("postgresql", _postgres, "make install")]
    return [*checks, _ports(config), _disk(config), _runtime(NODE)]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    cure = "" if sys.version_info >= MIN_PYTHON else "apt-get install python3.11 python3.11-venv"
    return Check("python", version, cure)


def _runtime(runtime: Runtime) -> Check:
    found = find(runtime)
    if found is None:
        return Check(runtime.program, f"no {runtime.required}: {INSTALLS} one in .venv")
    version = ".".join(map(str, version_of(runtime, found[runtime.program])))
    return Check(runtime.program, f"{found[runtime.program]}, version {version}")


def _jars() -> Check:
    directory = jars_dir()
    if not directory.is_dir():
        return Check("kafka jars", "not here yet: the next `burnline up` fetches them")

    def verified() -> str:
        verify_jars(directory, expected_jars())
        return str(directory)

    return _attempt("kafka jars", verified, f"rm -r {directory}")


def _postgres() -> str:
    binaries = wheel_binaries()
    if not are_usable(None, binaries):
        raise StackError(f"{binaries} does not run here")
    account = unprivileged_account()
    return f"{binaries}, run as {account.name}" if account else str(binaries)


def _ports(config: StackConfig) -> Check:
    if read_running(config.data_dir.state):
        return Check("ports", "held by the running stack")

    def settled() -> str:
        with contextlib.closing(Reservations()) as reservations:
            ports = settle_ports(config, reservations).ports
        return " ".join(f"{port.variable}={port.port}" for port in ports)

    return _attempt("ports", settled, "set the variable to a free port")


def _disk(config: StackConfig) -> Check:
    free = free_bytes(config.data_dir.path)
    detail = f"{free / 1e9:.1f} GB free for {config.data_dir.path}"
    cure = "" if free >= MIN_FREE_BYTES else "free 2 GB, or set BURNLINE_DATA_DIR elsewhere"
    return Check("disk", detail, cure)


def _attempt(what: str, look: Callable[[], str], cure: str) -> Check:
    try:
        return Check(what, look())
    except StackError as error:
        return Check(what, str(error), cure)
