"""A real Redis for tests, on a free port, without a file: of the PATH, or in a container."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from burnline.localstack.command import Command
from burnline.localstack.ports import LOOPBACK, free_port
from tests.support.servers.containers import redis_server
from tests.support.servers.running import running
from tests.support.servers.server_choice import use_containers


class RedisNode:
    """The server of a test, which it may end and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port(LOOPBACK)
        self._running = ExitStack()
        self.url = f"redis://{LOOPBACK}:{self._port}/0"

    def start(self) -> None:
        """Run it; empty as it is without a file."""
        if use_containers():
            self._start_container()
        else:
            self._start_process()

    def stop(self) -> None:
        """End it."""
        self._running.close()

    def _start_container(self) -> None:
        server = redis_server(self._port, self._answers)
        self._running.callback(server.end_at_once)
        asyncio.run(server.start())

    def _start_process(self) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not on the PATH: apt-get install redis-server"
        options = ("--port", str(self._port), "--bind", LOOPBACK, "--save", "")
        command = Command("redis", (program, *options), self._answers, directory=self._folder)
        self._running.enter_context(running(command, self._folder))

    async def _answers(self) -> bool:
        client = Redis.from_url(self.url)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()


@pytest.fixture
def redis_node(tmp_path: Path) -> Iterator[RedisNode]:
    """A Redis of this test, running."""
    node = RedisNode(tmp_path)
    node.start()
    yield node
    node.stop()
