"""Replicas share expensive answers through a real Redis, and answer all the same without it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api_gateway.burn.repository import CountRepository
from api_gateway.settings import GatewaySettings
from api_gateway.storage.redis_cache import (
    PAUSE_SECONDS,
    PREFIX,
    RedisCache,
    SharedCache,
    shared_cache,
)
from burnline.localstack.command import Command
from burnline.localstack.ports import LOOPBACK, free_port
from common.config.clock import MICROSECONDS, to_micros
from tests.support.burn_events import NOW, heartbeat, snapshot
from tests.support.gateway.database import GatewayDatabase
from tests.support.gateway.fixtures import MIGRATED, gateway_on
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_counts
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


HISTORY = "/api/burn/checkout?step=5m"
HEATMAP = "/api/summary/heatmap"
MINUTE = to_micros(NOW) // MICROSECONDS // 60 * 60


def settings(redis_url: str | None) -> dict[str, Any]:
    return {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "api_token": "a token of this test",
        "ready_seconds": 0,
        "redis_url": redis_url,
    }


@asynccontextmanager
async def replicas(
    database: GatewayDatabase, redis_url: str | None
) -> AsyncIterator[tuple[list[str], Any, Any]]:
    """Two gateways on one database that has a service with counts, and what they read of these."""
    await database.restore(MIGRATED)
    given = settings(redis_url)
    reads: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("history", "hourly_counts"):
            patch.setattr(CountRepository, name, counted(getattr(CountRepository, name), reads))
        async with gateway_on(given, database) as one, gateway_on(given, database) as other:
            await one.service()
            rows = [(MINUTE - 60 * n, 1000, n % 7, 10) for n in range(300)]
            await store_counts(database, "checkout", rows)
            for replica in (one, other):
                await replica.feed(snapshot("checkout"), *[heartbeat(shard) for shard in range(4)])
            yield reads, one, other
            for replica in (one, other):
                await replica.cache.close()


def counted(read: Callable[..., Awaitable[Any]], reads: list[str]) -> Callable[..., Awaitable[Any]]:
    """Return a reader of counts that notes each call."""

    async def noted(*asked: Any) -> Any:
        reads.append(read.__name__)
        return await read(*asked)

    return noted


async def body(replica: GatewayHarness, path: str) -> Any:
    response = await replica.client.get(path)
    assert response.status_code == 200
    return {k: v for k, v in response.json().items() if k != "generated_at"}


@pytest.mark.parametrize("path", [HISTORY, HEATMAP])
async def test_what_one_replica_has_made_the_other_does_not_make_again(
    redis_node: RedisNode, gateway_database: GatewayDatabase, path: str
) -> None:
    async with replicas(gateway_database, redis_node.url) as (reads, one, other):
        made = await body(one, path)
        before = len(reads)
        assert before > 0
        assert await body(other, path) == made
        assert len(reads) == before


async def test_a_changed_target_has_a_history_of_its_own(
    redis_node: RedisNode, gateway_database: GatewayDatabase
) -> None:
    async with replicas(gateway_database, redis_node.url) as (_, one, other):
        before = await body(one, HISTORY)
        await one.target(objective=0.9)
        after = await body(other, HISTORY)
        assert before["points"][-1]["burn_rate_1h"] > 50 * after["points"][-1]["burn_rate_1h"]


async def test_a_redis_that_dies_in_the_middle_is_not_missed(
    redis_node: RedisNode, gateway_database: GatewayDatabase
) -> None:
    async with replicas(gateway_database, redis_node.url) as (reads, one, other):
        made = await body(one, HISTORY)
        await asyncio.to_thread(redis_node.stop)
        for replica in (one, other):
            assert await body(replica, HISTORY) == made
        before = len(reads)
        await asyncio.to_thread(redis_node.start)
        for replica in (one, other):
            cast("Any", replica.cache)._not_before = 0
        assert await body(one, HISTORY) == await body(other, HISTORY) == made
        assert len(reads) == before + 1


async def test_an_entry_that_cannot_be_read_is_made_anew(redis_node: RedisNode) -> None:
    cache = RedisCache(SecretStr(redis_node.url))
    await cache._redis.set(f"{PREFIX}key", b"\xff\x00 no entry of ours")
    assert await cache.shared("key", list[int], 5, made) == [1, 2]
    assert await cache.shared("key", list[int], 5, never) == [1, 2]
    await cache.close()


async def test_an_entry_ends(redis_node: RedisNode) -> None:
    cache = RedisCache(SecretStr(redis_node.url))
    await cache.shared("key", list[int], 5, made)
    assert 0 < await cache._redis.pttl(f"{PREFIX}key") <= 5000
    await cache.close()


async def test_a_redis_that_hangs_is_left_alone_for_a_moment() -> None:
    async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        asked.append(None)
        await asyncio.sleep(60)

    asked: list[None] = []
    now = [0.0]
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cache = RedisCache(SecretStr(f"redis://127.0.0.1:{port}/0"), monotonic=lambda: now[0])
    assert await cache.shared("key", list[int], 5, made) == [1, 2]
    tried = len(asked)
    assert tried
    for _ in range(20):
        assert await cache.shared("key", list[int], 5, made) == [1, 2]
    assert len(asked) == tried
    now[0] += PAUSE_SECONDS
    await cache.shared("key", list[int], 5, made)
    assert len(asked) > tried
    await cache.close()
    server.close()


async def test_without_an_address_nothing_is_shared() -> None:
    cache = shared_cache(GatewaySettings.model_validate(settings(None)))
    assert type(cache) is SharedCache
    assert await cache.shared("key", list[int], 5, made) == [1, 2]


async def made() -> list[int]:
    return [1, 2]


async def never() -> list[int]:
    raise AssertionError("made again")
