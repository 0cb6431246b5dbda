"""PostgreSQL and Apache Kafka of one process of tests, which can be killed and started again.

Clients of a test reach both directly; services may be sent through a proxy in front of each.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import psutil
from aiokafka.admin import AIOKafkaAdminClient

from burnline.broker import kafka_node
from burnline.child import spawn
from burnline.command import Command
from burnline.config import DataDir
from burnline.environment import server_environment
from burnline.kafka import KafkaNode, silence_client_logs
from burnline.logfiles import tail
from burnline.ports import Reservations
from burnline.postgres import MAINTENANCE_DATABASE, PostgresNode
from burnline.postgres_home import forget_home, open_home
from burnline.processes import ProcessIdentity, end_processes
from common.settings import KafkaSettings
from common.topics import TOPICS, ensure_topics
from tests.consumer_groups import put_out_all
from tests.proxy import HOST, Proxy
from tests.servers import SERVERS_USED, TEMPLATE, held_port, migrate, note_kafka

SHARDS: Final = 4
READY_SECONDS: Final = 180.0
STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.05
_PROXIED: Final = "PROXIED"


class Server:
    """One server process; `start` may follow `kill` any number of times."""

    def __init__(self, command: Command, logs: Path) -> None:
        self._command = replace(command, environment=server_environment(dict(os.environ)))
        self._log = logs / f"{command.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready; an attempt that ends at once is repeated."""
        deadline = time.monotonic() + READY_SECONDS
        while not await self._is_started(deadline):
            shown = "\n".join(tail(self._log, 20))
            assert time.monotonic() < deadline, f"{self._command.name} not ready\n{shown}"
            await asyncio.sleep(0.3)

    async def kill(self) -> None:
        """SIGKILL; return once it and its children are gone."""
        assert self._identity is not None
        found = [c.pid for c in psutil.Process(self._identity.pid).children(recursive=True)]
        children = [ProcessIdentity.of(pid) for pid in found]
        self._identity.send(signal.SIGKILL)
        self._reap()
        while any(child is not None and child.is_alive() for child in children):
            await asyncio.sleep(_POLL_SECONDS)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._identity is not None
        return self._identity.pid

    def end_at_once(self) -> None:
        """SIGKILL its whole process group."""
        if self._identity is not None:
            self._identity.send(signal.SIGKILL)
            self._reap()

    def stop(self) -> None:
        """End it in order."""
        if self._identity is not None:
            end_processes([self._identity], STOP_SECONDS, self._command.stop_signal)
            self._reap()

    async def _is_started(self, deadline: float) -> bool:
        if self._command.prepare is not None:
            self._command.prepare()
        self._process = process = spawn(self._command, self._log, {})
        self._identity = ProcessIdentity.of(process.pid)
        while process.poll() is None and time.monotonic() < deadline:
            if await self._command.probe():
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
        self._process, self._identity = None, None


class Cluster:
    """Both servers with their proxies, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        silence_client_logs()
        self._data_dir = DataDir(folder)
        self._data_dir.logs.mkdir(parents=True)
        self._reservations = Reservations()
        ports = [held_port(), held_port()]
        self._node = PostgresNode(open_home(self._data_dir), HOST, ports[0])
        self._kafka = kafka_node(folder / "kafka", self._reservations)
        self._proxied_port = ports[1]
        self.postgres = Server(self._node.command(), self._data_dir.logs)
        self.kafka = Server(self._kafka_command(), self._data_dir.logs)
        self.postgres_proxy = Proxy(ports[0])
        self.kafka_proxy = Proxy(self._proxied_port)
        for proxy in (self.postgres_proxy, self.kafka_proxy):
            proxy.start()
        self._databases = 0

    async def start(self) -> None:
        """Start both servers."""
        await asyncio.gather(self.start_postgres(), self.start_kafka())

    async def start_postgres(self) -> None:
        """Start PostgreSQL for the first time, and make the template of all databases."""
        await self.postgres.start()
        await self._node.ensure_database(TEMPLATE)
        await asyncio.to_thread(migrate, self._node.url(TEMPLATE))
        version = await self._query("SHOW server_version")
        SERVERS_USED[f"PostgreSQL {version}, run by the tests"] = None

    async def start_kafka(self) -> None:
        """Start Kafka for the first time."""
        await self.kafka.start()
        note_kafka()

    async def mend(self) -> None:
        """Heal both networks and start what is down: a test that fails shall not fail others."""
        for proxy in (self.postgres_proxy, self.kafka_proxy):
            proxy.heal()
        for server in (self.postgres, self.kafka):
            if not server.is_running:
                await server.start()

    def stop(self) -> None:
        """End everything and remove every file."""
        self.kafka.end_at_once()
        self.postgres.stop()
        for proxy in (self.kafka_proxy, self.postgres_proxy):
            proxy.stop()
        self._reservations.close()
        forget_home(self._data_dir)
        shutil.rmtree(self._data_dir.path, ignore_errors=True)

    def bootstrap(self, *, proxied: bool = False) -> str:
        """Return the address of Kafka, direct or through the proxy."""
        return f"{HOST}:{self.kafka_proxy.port}" if proxied else self._kafka.bootstrap_servers

    def database_url(self, name: str, *, proxied: bool = False) -> str:
        """Return the address of a database, direct or through the proxy."""
        port = self.postgres_proxy.port if proxied else self._node.port
        return replace(self._node, port=port).url(name)

    async def new_database(self) -> str:
        """Make a fresh, migrated database and return its name."""
        return await self._create(TEMPLATE)

    async def empty_database(self) -> str:
        """Make a database without any schema of ours and return its name."""
        return await self._create("template0")

    async def drop_and_create(self, name: str) -> None:
        """Drop a database with all that is in it, and make it again, empty."""
        await self._query(f'DROP DATABASE "{name}"')
        await self._query(f'CREATE DATABASE "{name}" TEMPLATE template0')

    def program(self, name: str) -> Path:
        """One of PostgreSQL's programs, of the server's own version."""
        return self._node.home.program(name)

    async def _create(self, template: str) -> str:
        self._databases += 1
        name = f"test_{self._databases}"
        await self._query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def fresh_topics(self, *names: str) -> None:
        """Make topics of the registry anew, empty: those that are named, or all.

        Who still reads the old ones, as a process that was killed seems to, leaves its group.
        """
        if not names:
            await put_out_all(self.bootstrap())
        kafka = KafkaSettings.model_validate({"bootstrap_servers": (self.bootstrap(),)})
        wanted = set(names) or {topic.name for topic in TOPICS}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap())
        await admin.start()
        try:
            await admin.delete_topics(sorted(wanted & set(await admin.list_topics())))
            while wanted & set(await admin.list_topics()):
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await admin.close()
        await ensure_topics(kafka, SHARDS)

    async def _query(self, statement: str) -> object:
        connection = await asyncpg.connect(self._node.url(MAINTENANCE_DATABASE), ssl=False)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    def _kafka_command(self) -> Command:
        return replace(self._kafka.command(), prepare=self._prepare_kafka)

    def _prepare_kafka(self) -> None:
        """Add a listener to the node's settings that gives out the proxy's address."""
        node: KafkaNode = self._kafka
        node.prepare()
        path = node.home / "server.properties"
        text = path.read_text()
        added = {
            "listeners=": f"{_PROXIED}://{HOST}:{self._proxied_port}",
            "advertised.listeners=": f"{_PROXIED}://{HOST}:{self.kafka_proxy.port}",
            "listener.security.protocol.map=": f"{_PROXIED}:PLAINTEXT",
        }
        lines = []
        for line in text.splitlines():
            name = line.split("=", 1)[0] + "="
            lines.append(f"{line},{added.pop(name)}" if name in added else line)
        assert not added, f"server.properties lacks {sorted(added)}"
        path.write_text("\n".join(lines) + "\n")
