"""The gate on real servers: inside the test's event loop or as a process, and what it publishes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from burnline.localstack.ports import free_port
from common.config.settings import DatabaseSettings, KafkaSettings, Settings
from common.policy.files import PolicySettings
from gate.app import Gate
from gate.settings import AllSettings, GateSettings
from tests.support.burnrate_service import SHARDS, served

HOST = "127.0.0.1"


class GateTestSettings(AllSettings):
    """Settings that name the servers of the test."""

    def __init__(self, database_url: str, bootstrap: str, **own: float) -> None:
        self.service = Settings()
        # silence: longer than a test lasts on a busy machine, which publishes one sign of life
        bounds = {"GATE_TICK_SECONDS": 0.2, "GATE_SILENT_SECONDS": 60.0}
        self.gate = GateSettings.model_validate({**bounds, **own})
        self.policies = PolicySettings()
        self.kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap)
        self.database = DatabaseSettings(DATABASE_URL=database_url)


def gate(settings: AllSettings) -> AbstractAsyncContextManager[Gate]:
    """Run the service until the block ends."""
    return served(Gate(settings, SHARDS))


@asynccontextmanager
async def gate_process(
    settings: GateTestSettings, folder: Path, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service as a process; killed at the end if it is still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gate",
        env={
            **os.environ,
            "DATABASE_URL": settings.database.database_url.get_secret_value(),
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers[0],
            "GATE_PORT": str(free_port(HOST)),
            "GATE_TICK_SECONDS": "0.2",
            "GATE_SILENT_SECONDS": "60",
            "BURNLINE_DATA_DIR": str(folder),
            **environment,
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
