"""PostgreSQL and Apache Kafka of one process of tests, which can be killed and started again.

Clients of a test reach both directly; services may be sent through a proxy in front of each.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest

from burnline.localstack.config import DataDir
from burnline.localstack.kafka import silence_client_logs
from burnline.localstack.postgres import MAINTENANCE_DATABASE
from common.config.settings import KafkaSettings
from common.kafka.client import administrator
from common.kafka.topics import TOPICS, delete_topics, ensure_topics
from tests.support.servers.proxy import HOST, Proxy
from tests.support.servers.running import SERVERS_USED, TEMPLATE, Server, held_port, migrate
from tests.support.servers.server_choice import ServerSet, server_set

SHARDS: Final = 4


def kafka_admin(bootstrap: str) -> AbstractAsyncContextManager[AIOKafkaAdminClient]:
    """Give an administrator of a broker."""
    return administrator(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap))


@asynccontextmanager
async def connection(
    url: str, **options: Any
) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Give a connection to a database."""
    opened = await asyncpg.connect(url, ssl=False, **options)
    try:
        yield opened
    finally:
        await opened.close()


class Cluster:
    """Both servers with their proxies, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        silence_client_logs()
        self._data_dir = DataDir(folder)
        self._data_dir.logs.mkdir(parents=True)
        proxied_port = held_port()
        self.kafka_proxy = Proxy(proxied_port)
        self.kafka_proxy.start()
        self._servers: ServerSet = server_set()(self._data_dir, proxied_port, self.kafka_proxy.port)
        self.postgres: Server = self._servers.postgres
        self.kafka: Server = self._servers.kafka
        self._node = self._servers.node
        self.postgres_proxy = Proxy(self._node.port)
        self.postgres_proxy.start()
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
        SERVERS_USED[f"PostgreSQL {version}, {self._servers.place}"] = None

    async def start_kafka(self) -> None:
        """Start Kafka for the first time."""
        await self.kafka.start()
        line = f"Apache Kafka {self._servers.kafka_version}, {self._servers.place}"
        SERVERS_USED[line] = None

    async def mend(self) -> None:
        """Heal both networks and start what is down: a test that fails shall not fail others."""
        for proxy in (self.postgres_proxy, self.kafka_proxy):
            proxy.heal()
        for server in (self.postgres, self.kafka):
            if not server.is_running:
                await server.start()

    def stop(self) -> None:
        """End everything and remove every file."""
        self._servers.discard()
        for proxy in (self.kafka_proxy, self.postgres_proxy):
            proxy.stop()
        shutil.rmtree(self._data_dir.path, ignore_errors=True)

    def bootstrap(self, *, proxied: bool = False) -> str:
        """Return the address of Kafka, direct or through the proxy."""
        return f"{HOST}:{self.kafka_proxy.port}" if proxied else self._servers.bootstrap

    def database_url(self, name: str, *, proxied: bool = False) -> str:
        """Return the address of a database, direct or through the proxy."""
        port = self.postgres_proxy.port if proxied else self._node.port
        return replace(self._node, port=port).url(name)

    def segment(self, topic: str, partition: int) -> Path | None:
        """Return the file of a partition's log; None where the broker keeps it in a container."""
        return next(self._data_dir.path.rglob(f"{topic}-{partition}/*.log"), None)

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
        async with kafka_admin(self.bootstrap()) as admin:
            await delete_topics(admin, names or [topic.name for topic in TOPICS])
        await ensure_topics(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=self.bootstrap()), SHARDS)

    async def _query(self, statement: str) -> object:
        async with connection(self._node.url(MAINTENANCE_DATABASE)) as opened:
            return await opened.fetchval(statement)


@contextmanager
def own_cluster(folder: Path) -> Iterator[Cluster]:
    """Give a cluster of this process, whose servers are started when asked for."""
    cluster = Cluster(folder / "cluster")
    try:
        yield cluster
    finally:
        cluster.stop()


async def put_out_all(bootstrap: str) -> list[str]:
    """Let every member of every group leave, for those that are dead or frozen; return their ids.

    The group does the same by itself when a session ends; that takes ten seconds.
    """
    async with kafka_admin(bootstrap) as admin:
        groups = [group for group, *_ in await admin.list_consumer_groups()]
        return [member for group in groups for member in await _put_out(admin, group)]


async def committed_offsets(bootstrap: str, group: str) -> dict[tuple[str, int], int]:
    """Return what a group has committed to Kafka, by topic and partition."""
    async with kafka_admin(bootstrap) as admin:
        found = await admin.list_consumer_group_offsets(group)
    return {(tp.topic, tp.partition): at.offset for tp, at in found.items()}


async def _put_out(admin: AIOKafkaAdminClient, group: str) -> list[str]:
    node: int = await admin.find_coordinator(group)
    described = (await admin.describe_consumer_groups([group], node))[0].groups
    members = [member[0] for found in described for member in found[5]]
    for member in members:
        await admin._send_request(LeaveGroupRequest(group, member), node)
    return members
