"""Fetch the public keys of an identity provider from a file or a URL, again when needed."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import httpx
import structlog
from jwt import PyJWK, PyJWKSet, PyJWKSetError, PyJWTError

log = structlog.get_logger()

MAX_BYTES: Final = 262_144
TIMEOUT_SECONDS: Final = 5.0
KEEP_SECONDS: Final = 3600.0
"""After so long keys are read again, so that one that was withdrawn opens nothing for ever."""
PAUSE_SECONDS: Final = 30.0
"""Unknown key ids make it read again, but not more often: tokens may name any key id."""


class KeysUnavailableError(Exception):
    """The keys cannot be read now; says why, without the address."""


class KeySource(Protocol):
    """Gives the JSON of a JWK Set (RFC 7517)."""

    async def read(self) -> str:
        """Return it. Raises KeysUnavailableError."""
        ...


class FileSource:
    """A file, which may be replaced while the process runs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> str:
        """Return the file's text."""
        try:
            return await asyncio.to_thread(self._path.read_text)
        except (OSError, ValueError) as error:
            raise KeysUnavailableError(f"the file cannot be read: {error}") from None


class UrlSource:
    """A URL: no redirect is followed, no proxy is used, and the size of a response is bounded."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url, self._transport = url, transport

    async def read(self) -> str:
        """Return the answer's body."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                httpx.AsyncClient(trust_env=False, transport=self._transport) as client,
                client.stream("GET", self._url) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise KeysUnavailableError(f"the provider answers {response.status_code}")
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise KeysUnavailableError(f"more than {MAX_BYTES} bytes")
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise KeysUnavailableError(f"no answer: {type(error).__name__}") from None
        return body.decode(errors="replace")


class KeyCache:
    """Cache keys by id; cached keys stay valid while the source does not answer."""

    def __init__(self, source: KeySource, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._source, self._monotonic = source, monotonic
        self._keys: dict[str, PyJWK] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading = asyncio.Lock()

    async def key(self, key_id: str) -> PyJWK | None:
        """Return a key, None where there is none. Raises KeysUnavailableError before the first."""
        if self._is_old() or (key_id not in self._keys and self._may_try()):
            async with self._reading:
                if self._is_old() or (key_id not in self._keys and self._may_try()):
                    await self._refresh()
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        if not self._may_try():
            if self._read_at is None:
                raise KeysUnavailableError("they could not be read a moment ago")
            return
        self._tried_at = self._monotonic()
        try:
            found = _verifying_keys(await self._source.read())
        except (KeysUnavailableError, PyJWTError, ValueError) as error:
            log.warning("identity_keys_unavailable", error=str(error))
            if self._read_at is None:
                raise KeysUnavailableError(str(error)) from None
            return
        self._keys = {key.key_id: key for key in found if key.key_id}
        self._read_at = self._monotonic()

    def _is_old(self) -> bool:
        return self._read_at is None or self._monotonic() - self._read_at > KEEP_SECONDS

    def _may_try(self) -> bool:
        return self._tried_at is None or self._monotonic() - self._tried_at >= PAUSE_SECONDS


def _verifying_keys(text: str) -> list[PyJWK]:
    """Return a JWK Set's keys, without those that are for encryption. Raises what it cannot read.

    A key says so by `use` or by `key_ops` (RFC 7517, 4.2 and 4.3); one that says neither is for
    both.
    """
    document = json.loads(text)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise PyJWKSetError("no list of keys")
    return PyJWKSet([key for key in keys if isinstance(key, dict) and _verifies(key)]).keys


def _verifies(key: Mapping[str, object]) -> bool:
    operations = key.get("key_ops")
    may_verify = operations is None or (isinstance(operations, list) and "verify" in operations)
    return may_verify and key.get("use", "sig") == "sig"
