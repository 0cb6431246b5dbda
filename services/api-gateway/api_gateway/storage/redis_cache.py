"""Expensive answers shared by replicas through Redis; without it, or when it fails, made here.

Redis holds nothing that could not be made again: an entry that is lost, or is not readable, is
made anew, and a Redis that does not answer is left alone for a moment.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api_gateway.metrics import LOOKUPS
from common.config.settings import RedisSettings

log = structlog.get_logger()

PREFIX = "burnline:v1:"
"""Changes with the form of the entries: replicas of two versions share nothing."""

PATIENCE_SECONDS = 0.25
PAUSE_SECONDS = 5.0
MAX_ENTRY_BYTES = 4 * 2**20

Content = TypeVar("Content")


Make = Callable[[], Awaitable[Content]]


class SharedCache:
    """Gives what another replica has made; this one knows no Redis, so that all is made here."""

    async def shared(
        self, key: str, kind: type[Content], seconds: float, make: Make[Content]
    ) -> Content:
        """Return the content of a key that is at most so many seconds old, or make it."""
        del key, kind, seconds
        return await make()

    async def close(self) -> None:
        """Close the connections."""


class RedisCache(SharedCache):
    """Shares through Redis."""

    def __init__(
        self,
        url: SecretStr,
        tls_options: Mapping[str, Any] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = Redis.from_url(
            url.get_secret_value(),
            **(tls_options or {}),
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
        )
        self._monotonic, self._not_before = monotonic, monotonic()

    async def shared(
        self, key: str, kind: type[Content], seconds: float, make: Make[Content]
    ) -> Content:
        """Return what stands in Redis, else make it and put it there."""
        name = PREFIX + key
        found = await self._answer(self._redis.get(name)) if self._is_trusted() else None
        if isinstance(found, bytes):
            try:
                content = msgspec.msgpack.decode(found, type=kind)
            except msgspec.MsgspecError:
                log.warning("shared_answer_unreadable", key=key)
            else:
                LOOKUPS.labels("shared").inc()
                return content
        content = await make()
        LOOKUPS.labels("made").inc()
        entry = msgspec.msgpack.encode(content)
        if len(entry) <= MAX_ENTRY_BYTES and self._is_trusted():
            await self._answer(self._redis.set(name, entry, px=max(1, round(seconds * 1000))))
        return content

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _is_trusted(self) -> bool:
        return self._monotonic() >= self._not_before

    async def _answer(self, asked: Awaitable[object]) -> object:
        """Return Redis's answer, or None; where there is none, do not ask again for a moment."""
        try:
            return await asked
        except (RedisError, OSError, TimeoutError) as error:
            self._not_before = self._monotonic() + PAUSE_SECONDS
            LOOKUPS.labels("failed").inc()
            log.warning("redis_failed", error=repr(error))
            return None


def shared_cache(settings: RedisSettings) -> SharedCache:
    """Return the cache that the settings name; without one nothing is shared."""
    if settings.redis_url is None:
        return SharedCache()
    return RedisCache(settings.redis_url, settings.redis_tls_options())
