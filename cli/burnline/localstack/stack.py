"""One whole stack, from the environment: servers, migrations, topics, services.

Run by `burnline up` as `python -m burnline.localstack`, detached; ports are settled by then.
"""

import asyncio
import fcntl
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

from burnline.errors import StackError
from burnline.localstack.command import Command
from burnline.localstack.config import (
    DEFAULT_PORTS,
    StackConfig,
    ensure_token,
    server_environment,
    service_environment,
)
from burnline.localstack.kafka import KafkaNode, broker_name, kafka_node, silence_client_logs
from burnline.localstack.places import project_root
from burnline.localstack.ports import LOOPBACK, Reservations
from burnline.localstack.postgres import PostgresNode
from burnline.localstack.postgres_home import open_home
from burnline.localstack.services import service_commands
from burnline.localstack.supervisor import POLL_SECONDS, Supervisor

STEP_TIMEOUT_SECONDS: Final = 120.0

log = logging.getLogger(__name__)


class LocalStack:
    """Starts the parts in their order and hands them to the supervisor."""

    def __init__(self, config: StackConfig) -> None:
        self.config = config
        self.supervisor = Supervisor(config.data_dir)
        # The ports of the services as well, so that no server of ours is given one of them.
        self.reservations = Reservations()
        for configured in config.ports:
            self.reservations.take(config.host, configured.port)
        self.environment = service_environment(config, ensure_token(config))
        name, version = broker_name(config.bootstrap_servers)
        self.supervisor.state = replace(self.supervisor.state, broker=name, broker_version=version)

    async def run(self) -> int:
        """Run until asked to stop; 1 when the stack could not be started."""
        self._say("starting", "")
        self.supervisor.handle_signals()
        try:
            await self._start()
            await self.supervisor.run_until_stopped()
            return await self._end("stopped", "")
        except Exception as error:
            log.exception("the stack could not be started")
            return await self._end("failed", str(error))

    async def _start(self) -> None:
        self.config.data_dir.servers_ready.unlink(missing_ok=True)
        self._say("starting", "preparing PostgreSQL and the broker")
        postgres, broker = await self._start_servers()
        self._say("starting", "migrating the database, creating topics")
        for command in service_commands(self.environment, self.config.data_dir.servers_ready):
            self.supervisor.add(command)
        await together(self._ready_database(postgres), self._ready_topics(broker))
        self.config.data_dir.servers_ready.touch()
        self._say("running", "")

    async def _start_servers(self) -> tuple[PostgresNode | None, KafkaNode | None]:
        postgres = None if self.config.database_url else self._postgres()
        broker = None if self.config.bootstrap_servers else self._kafka()
        nodes = [node for node in (postgres, broker) if node is not None]
        # Both first starts write a storage: side by side they take half the time.
        await together(*(asyncio.to_thread(node.prepare) for node in nodes))
        for node in nodes:
            self.supervisor.add(self._server(node.command()))
        return postgres, broker

    async def _ready_database(self, postgres: PostgresNode | None) -> None:
        if postgres is not None:
            await self.supervisor.wait_ready(postgres.command())
            await postgres.ensure_database()
        await self._step("migrations", "-m", "alembic", "upgrade", "head")

    async def _ready_topics(self, broker: KafkaNode | None) -> None:
        if broker is not None:
            await self.supervisor.wait_ready(broker.command())
        await self._step("topics", "-m", "common.kafka.topics")

    def _kafka(self) -> KafkaNode:
        node = kafka_node(self.config.data_dir.path / "kafka", self.reservations)
        self.environment["KAFKA_BOOTSTRAP_SERVERS"] = node.bootstrap_servers
        return node

    def _postgres(self) -> PostgresNode:
        port = self.reservations.take_any()
        node = PostgresNode(open_home(self.config.data_dir), LOOPBACK, port)
        self.environment["DATABASE_URL"] = node.url()
        return node

    def _server(self, command: Command) -> Command:
        inherited = server_environment(self.environment)
        return replace(command, environment={**inherited, **command.environment})

    def _say(self, phase: str, detail: str) -> None:
        state = self.supervisor.state
        public = {key: self.environment[key] for key in PUBLISHED if key in self.environment}
        self.supervisor.publish(replace(state, phase=phase, detail=detail, environment=public))

    async def _step(self, name: str, *arguments: str) -> None:
        """Run one Python module to its end, its output in its own log."""
        with self.config.data_dir.log(name).open("ab") as output:
            process = subprocess.Popen(  # noqa: S603, ASYNC220 - polled below
                (sys.executable, *arguments),
                cwd=project_root(),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + STEP_TIMEOUT_SECONDS
        while process.poll() is None and not self.supervisor.stop_requested.is_set():
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        if process.poll() is None:
            process.kill()
        if process.wait() != 0:
            message = f"{name} failed, see {self.config.data_dir.log(name)}"
            raise StackError(message)

    async def _end(self, phase: str, detail: str) -> int:
        self._say("stopping", detail)
        await self.supervisor.stop()
        state = replace(self.supervisor.state, phase=phase, children=())
        self.supervisor.publish(state)
        return 0 if phase == "stopped" else 1


async def together(*steps: Awaitable[None]) -> None:
    """Take steps side by side; none is left behind when another fails."""
    for outcome in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


PUBLISHED: Final[tuple[str, ...]] = (
    "BURNLINE_HOST",
    *DEFAULT_PORTS,
    "BURNLINE_DATA_DIR",
    "BURNLINE_API_TOKEN",
    "BURNLINE_DASHBOARD_DIR",
    "BURNLINE_PARTITIONS",
    "ENABLE_METRICS_SIMULATOR",
    "DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "REDIS_URL",
)


def main() -> int:
    """Run the stack of the environment, if no other supervisor holds its data directory."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    silence_client_logs()
    config = StackConfig.from_environment()
    config.data_dir.logs.mkdir(parents=True, exist_ok=True)
    with config.data_dir.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.error("another supervisor runs %s", config.data_dir.path)  # noqa: TRY400
            return 1
        return asyncio.run(LocalStack(config).run())
