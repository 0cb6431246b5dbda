"""The gate on real servers: inside the test's event loop or as a process, and what it publishes."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

from gate.app import Gate
from gate.settings import AllSettings, GateSettings
from tests.faults.harness.members import Member
from tests.support.burnrate_service import SHARDS, boot, served, servers, url

# silence: longer than a test lasts on a busy machine, which publishes one sign of life
BOUNDS = {"GATE_TICK_SECONDS": "0.2", "GATE_SILENT_SECONDS": "60"}


def gate_settings(database_url: str, bootstrap: str, **own: str) -> AllSettings:
    """Return settings that name the servers of the test."""
    gate = GateSettings.model_validate({**BOUNDS, **own})
    return AllSettings(gate=gate, **servers(database_url, bootstrap))


def gate(settings: AllSettings) -> AbstractAsyncContextManager[Gate]:
    """Run the service until the block ends."""
    return served(Gate(settings, SHARDS))


@contextmanager
def gate_process(settings: AllSettings, folder: Path, failpoints: str = "") -> Iterator[Member]:
    """Run the service as a process; killed at the end if it is still there."""
    addresses = {"DATABASE_URL": url(settings), "KAFKA_BOOTSTRAP_SERVERS": boot(settings)}
    process = Member("gate", "gate", addresses | BOUNDS, folder)
    process.start(failpoints)
    try:
        yield process
    finally:
        process.kill()
