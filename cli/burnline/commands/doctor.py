"""`burnline doctor`: what this machine lacks, and the command that cures it."""

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import typer

from burnline.errors import StackError
from burnline.localstack.accounts import unprivileged_account
from burnline.localstack.artifacts import expected_hashes, jars_dir, verify_jars
from burnline.localstack.config import StackConfig
from burnline.localstack.kafka import find_java
from burnline.localstack.launch import settle_ports
from burnline.localstack.ports import Reservations
from burnline.localstack.postgres_home import are_usable, wheel_binaries
from burnline.localstack.state import read_state

MIN_PYTHON: Final = (3, 11)
MIN_NODE: Final = 20
MIN_FREE_BYTES: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `cure` is empty when it is fine."""

    what: str
    detail: str
    cure: str = ""
    is_needed: bool = True


def doctor() -> None:
    """Check what the local stack needs; exit 1 if something that is needed is missing."""
    findings = examine(StackConfig.from_environment())
    for finding in findings:
        mark = "ok     " if not finding.cure else "MISSING" if finding.is_needed else "absent "
        typer.echo(f"{mark} {finding.what:<12} {finding.detail}")
        if finding.cure:
            typer.echo(f"{'':<20} cure: {finding.cure}")
    if any(finding.cure and finding.is_needed for finding in findings):
        raise typer.Exit(1)


def examine(config: StackConfig) -> list[Finding]:
    """Look at everything; nothing is installed, downloaded or changed."""
    findings = [_python()]
    if config.broker_kind == "kafka":
        findings += [_java(), _maven(), _jars()]
    if config.database_url is None:
        findings += [_attempt("postgresql", _postgres, "make install")]
    return [*findings, _ports(config), _disk(config), _node()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    cure = "" if sys.version_info >= MIN_PYTHON else "apt-get install python3.11 python3.11-venv"
    return Finding("python", version, cure)


def _java() -> Finding:
    return _attempt("java", find_java, "apt-get install default-jre-headless")


def _maven() -> Finding:
    maven = shutil.which("mvn")
    have_jars = jars_dir().is_dir()
    detail = maven or ("not found, but the jars are here" if have_jars else "mvn not found")
    return Finding("maven", detail, "" if maven or have_jars else "apt-get install maven")


def _jars() -> Finding:
    directory = jars_dir()
    if not directory.is_dir():
        return Finding("kafka jars", "not yet downloaded: the next `burnline up` fetches them")

    def verified() -> str:
        verify_jars(directory, expected_hashes())
        return str(directory)

    return _attempt("kafka jars", verified, f"rm -r {directory}")


def _postgres() -> str:
    binaries = wheel_binaries()
    if not are_usable(None, binaries):
        raise StackError(f"{binaries} does not run here")
    account = unprivileged_account()
    return f"{binaries}, run as {account.name}" if account else str(binaries)


def _ports(config: StackConfig) -> Finding:
    state = read_state(config.data_dir.state)
    if state is not None and state.is_running():
        return Finding("ports", "held by the running stack")

    def settled() -> str:
        with contextlib.closing(Reservations()) as reservations:
            ports = settle_ports(config, reservations).ports
        return " ".join(f"{port.variable}={port.port}" for port in ports)

    return _attempt("ports", settled, "set the variable to a free port")


def _disk(config: StackConfig) -> Finding:
    existing = next(p for p in (config.data_dir.path, *config.data_dir.path.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / 1e9:.1f} GB free at {existing}"
    cure = "" if free >= MIN_FREE_BYTES else "free 2 GB, or set BURNLINE_DATA_DIR elsewhere"
    return Finding("disk", detail, cure)


def _node() -> Finding:
    node = shutil.which("node")
    version = node_version(node) if node else 0
    detail = f"{node or 'not found'}, version {version}; only building the dashboard needs it"
    cure = "" if version >= MIN_NODE else f"install Node.js {MIN_NODE} or newer"
    return Finding("node", detail, cure, is_needed=False)


def node_version(node: str) -> int:
    """The major version that this `node` prints of itself, 0 when it prints none."""
    done = subprocess.run(  # noqa: S603 - found on the PATH
        (node, "--version"), capture_output=True, text=True, check=False
    )
    found = re.match(r"v(\d+)", done.stdout)
    return int(found.group(1)) if found else 0


def _attempt(what: str, look: Callable[[], str], cure: str) -> Finding:
    try:
        return Finding(what, look())
    except StackError as error:
        return Finding(what, str(error), cure)
