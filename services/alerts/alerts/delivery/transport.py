"""Sends HTTP requests to checked addresses: no redirections, no proxies, bounded in time.

httpcore is used without httpx, which would follow settings of the environment and log addresses.
"""

import asyncio
import base64
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from alerts.delivery.guard import AddressGuard, RefusedAddressError
from alerts.delivery.outcome import Request, Response

_MAX_ANSWER_BYTES = 65_536
_MAX_CONNECTIONS = 100
_KEEPALIVE_SECONDS = 5.0
_FAILURES = (httpcore.ProtocolError, httpcore.NetworkError, httpx.InvalidURL, OSError, ValueError)


class TransportError(Exception):
    """There is no answer; the text says why, without the address."""


class Transport:
    """Sends requests. The time of one includes name resolution, connecting and the answer."""

    def __init__(
        self,
        guard: AddressGuard,
        timeout_seconds: float,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(),
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=_CheckedBackend(guard),
        )

    async def send(self, request: Request) -> Response:
        """Send and read the answer. Raises TransportError where there is none in time."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._exchange(request)
        except TimeoutError:
            raise TransportError(f"no answer within {self._timeout_seconds:g} s") from None
        except RefusedAddressError as error:
            raise TransportError(str(error)) from None
        except _FAILURES as error:
            raise TransportError(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _exchange(self, request: Request) -> Response:
        url = httpx.URL(request.url)
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        headers = {"Host": url.netloc.decode(), "User-Agent": "burnline", **request.headers}
        headers |= _basic_authorization(url)
        async with self._pool.stream(
            b"POST", target, headers=list(headers.items()), content=request.body
        ) as answer:
            body = await _beginning(answer)
            return Response(answer.status, _readable(answer.headers), body)


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that were checked; TLS is still verified for the name.

    A name whose answer changes between check and connection gains nothing by it.
    """

    def __init__(self, guard: AddressGuard) -> None:
        self._guard, self._inner = guard, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers."""
        failure: Exception = OSError("the name has no address")
        for address in await self._guard.addresses(host, port):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Pause; only httpcore's retries would, and they are off."""
        await self._inner.sleep(seconds)


async def _beginning(answer: httpcore.Response) -> bytes:
    body = b""
    async for chunk in answer.aiter_stream():
        body += chunk
        if len(body) >= _MAX_ANSWER_BYTES:
            break
    return body[:_MAX_ANSWER_BYTES]


def _readable(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _basic_authorization(url: httpx.URL) -> dict[str, str]:
    if not url.userinfo:
        return {}
    credentials = b":".join(unquote(part).encode() for part in (url.username, url.password))
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
