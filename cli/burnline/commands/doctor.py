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
class Finding:
    """One thing looked at; `cure` is empty when it is fine."""

    what: str
    detail: str
    cure: str = ""


def doctor() -> None:
    """Check what the local stack needs; exit 1 if something that is needed is missing."""
    findings = examine(StackConfig.from_environment())
    for finding in findings:
        mark = "MISSING" if finding.cure else "ok     "
        typer.echo(f"{mark} {finding.what:<12} {finding.detail}")
        if finding.cure:
            typer.echo(f"{'':<20} cure: {finding.cure}")
    if any(finding.cure for finding in findings):
        raise typer.Exit(1)


def examine(config: StackConfig) -> list[Finding]:
    """Look at everything; nothing is installed, downloaded or changed."""
    findings = [_python()]
    if config.bootstrap_servers is None:
        findings += [_runtime(JAVA), _jars()]
    if config.database_url is None:
        findings += [_attempt("postgresql", _postgres, "make install")]
    return [*findings, _ports(config), _disk(config), _runtime(NODE)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    cure = "" if sys.version_info >= MIN_PYTHON else "apt-get install python3.11 python3.11-venv"
    return Finding("python", version, cure)


def _runtime(runtime: Runtime) -> Finding:
    found = find(runtime)
    if found is None:
        return Finding(runtime.program, f"no {runtime.wanted}: {INSTALLS} one in .venv")
    version = ".".join(map(str, version_of(runtime, found[runtime.program])))
    return Finding(runtime.program, f"{found[runtime.program]}, version {version}")


def _jars() -> Finding:
    directory = jars_dir()
    if not directory.is_dir():
        return Finding("kafka jars", "not here yet: the next `burnline up` fetches them")

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


def _ports(config: StackConfig) -> Finding:
    if read_running(config.data_dir.state):
        return Finding("ports", "held by the running stack")

    def settled() -> str:
        with contextlib.closing(Reservations()) as reservations:
            ports = settle_ports(config, reservations).ports
        return " ".join(f"{port.variable}={port.port}" for port in ports)

    return _attempt("ports", settled, "set the variable to a free port")


def _disk(config: StackConfig) -> Finding:
    free = free_bytes(config.data_dir.path)
    detail = f"{free / 1e9:.1f} GB free for {config.data_dir.path}"
    cure = "" if free >= MIN_FREE_BYTES else "free 2 GB, or set BURNLINE_DATA_DIR elsewhere"
    return Finding("disk", detail, cure)


def _attempt(what: str, look: Callable[[], str], cure: str) -> Finding:
    try:
        return Finding(what, look())
    except StackError as error:
        return Finding(what, str(error), cure)
