"""Prometheus Alertmanager as Debian ships it, run by a test, telling a receiver of ours.

It is taken from the PATH, or else from Debian's package, which is unpacked in the user's cache
folder and not installed. A machine that has neither it nor `apt-get` does not run these tests, and
the summary says so; where there is `apt-get` they run, or fail.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from burnline.localstack.command import Command, Probe
from burnline.localstack.places import cache_dir
from burnline.localstack.services import PLAIN_HTTP
from tests.support.alerts.receiver import Receiver, receiving
from tests.support.servers.proxy import HOST
from tests.support.servers.running import SERVERS_USED, held_port, running

PACKAGE: Final = "prometheus-alertmanager"
NAMES: Final = (PACKAGE, "alertmanager")
CONFIGURATION: Final = """
global:
  resolve_timeout: 1h
route:
  receiver: burnline
  group_by: [service]
  group_wait: 50ms
  group_interval: 100ms
  repeat_interval: 1h
receivers:
  - name: burnline
    webhook_configs:
      - url: {url}
        send_resolved: true
"""


class Alertmanager:
    """A running Alertmanager; `receiver` is the one that it posts to."""

    def __init__(self, url: str, receiver: Receiver) -> None:
        self.url, self.receiver = url, receiver

    async def alerts(self) -> dict[str, dict[str, Any]]:
        """Return the alerts that it takes for firing, by their `dedup_key`."""
        async with httpx.AsyncClient(verify=PLAIN_HTTP) as client:
            answer = await client.get(f"{self.url}/api/v2/alerts", params={"active": "true"})
        answer.raise_for_status()
        return {alert["annotations"]["dedup_key"]: alert for alert in answer.json()}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs an Alertmanager where none can be had."""
    if _found() or shutil.which("apt-get"):
        return
    needing = [item for item in items if "alertmanager" in getattr(item, "fixturenames", ())]
    if needing:
        SERVERS_USED[f"NOT TESTED: {len(needing)} tests need {PACKAGE} on the PATH"] = None
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    """An Alertmanager of this test that posts to a receiver of its own."""
    with receiving() as receiver, _run(tmp_path, receiver) as found:
        yield found


@contextmanager
def _run(folder: Path, receiver: Receiver) -> Iterator[Alertmanager]:
    binary = _found() or _unpacked()
    configuration = folder / "alertmanager.yml"
    configuration.write_text(CONFIGURATION.format(url=receiver.url))
    url = f"http://{HOST}:{held_port()}"
    command = Command(
        name="alertmanager",
        argv=(
            str(binary),
            f"--config.file={configuration}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ),
        probe=_is_ready(url),
        directory=binary.parents[2],
    )
    with running(command, folder):
        version = subprocess.run((binary, "--version"), capture_output=True, text=True, check=True)
        words = (version.stdout + version.stderr).split(" (")[0]
        SERVERS_USED[f"Prometheus {words}, run by the tests"] = None
        yield Alertmanager(url, receiver)


def _is_ready(url: str) -> Probe:
    async def is_ready() -> bool:
        try:
            async with httpx.AsyncClient(verify=PLAIN_HTTP) as client:
                return (await client.get(f"{url}/-/ready")).is_success
        except httpx.TransportError:
            return False

    return is_ready


def _found() -> Path | None:
    candidates = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in candidates if path), None)


def _unpacked() -> Path:
    """Return the program of Debian's package, fetched and unpacked at the first call."""
    home = cache_dir() / PACKAGE
    binary = home / "usr" / "bin" / PACKAGE
    if not binary.exists():
        making = cache_dir() / f"{PACKAGE}.{os.getpid()}"
        making.mkdir(parents=True)
        try:
            _fetch(making)
            (package,) = making.glob("*.deb")
            subprocess.run(("dpkg-deb", "--extract", package, making), check=True)
            package.unlink()
            _make_relocatable(making / "usr" / "bin" / PACKAGE)
            with contextlib.suppress(OSError):  # another process was faster
                making.rename(home)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return binary


def _make_relocatable(binary: Path) -> None:
    """Let it look for its templates below its working directory, not in `/usr/share`."""
    built_in = b"/usr/share/prometheus/alertmanager"
    program = binary.read_bytes()
    assert built_in in program
    binary.write_bytes(program.replace(built_in, b"usr//share/prometheus/alertmanager"))


def _fetch(folder: Path) -> None:
    """Download the package; on a machine whose lists are missing, update them first."""
    download = ("apt-get", "download", "-q", PACKAGE)
    if subprocess.run(download, cwd=folder, check=False).returncode == 0:
        return
    subprocess.run(("apt-get", "update", "-q"), check=True)
    subprocess.run(download, cwd=folder, check=True)
