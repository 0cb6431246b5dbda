"""A TCP proxy on loopback that can be cut, swallow bytes, hold them back, or be slow."""

import asyncio
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.support.waiting import PATIENCE_SECONDS

HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536


@dataclass(eq=False, slots=True)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost_bytes: bool = False

    def abort(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class ThreadedServer(ABC):
    """A server on loopback whose event loop has a thread: a test that blocks does not stop it."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self._ssl_context = ssl_context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, port: int = 0) -> None:
        """Listen; `port` says where unless it was given."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(10)

    def stop(self) -> None:
        """Close everything and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, port, ssl=self._ssl_context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        finally:
            writer.transport.abort()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, which is aborted at the end."""


class Proxy(ThreadedServer):
    """One way to a server on loopback, broken and healed from any thread."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__()
        self._upstream_port = upstream_port
        self._connections: set[_Connection] = set()
        self._refusing = self._swallowing = False
        self._delay_seconds, self._bytes_per_second = 0.0, 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        self._call(self._cut)

    def black_hole(self) -> None:
        """Take connections and bytes, and let nothing through; what was taken is lost."""
        self._call(self._swallow)

    def hold(self) -> None:
        """Hold all bytes back; they arrive after `heal`, as late packets do."""
        self._call(self._flowing.clear)

    def slow(self, delay_seconds: float = 0.0, bytes_per_second: float = 0.0) -> None:
        """Delay every chunk, and let so many bytes through in a second (0: no bound)."""
        self._call(lambda: self._limit(delay_seconds, bytes_per_second))

    def heal(self) -> None:
        """Let everything through again; a connection that lost bytes is reset."""
        self._call(self._heal)

    def _call(self, change: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            change()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(PATIENCE_SECONDS)

    def _cut(self) -> None:
        self._refusing = True
        for connection in list(self._connections):
            connection.abort()

    def _swallow(self) -> None:
        self._swallowing = True

    def _limit(self, delay_seconds: float, bytes_per_second: float) -> None:
        self._delay_seconds, self._bytes_per_second = delay_seconds, bytes_per_second

    def _heal(self) -> None:
        self._refusing = self._swallowing = False
        self._limit(0.0, 0.0)
        for connection in list(self._connections):
            if connection.lost_bytes:
                connection.abort()
        self._flowing.set()

    async def _close(self) -> None:
        self._heal()
        for connection in list(self._connections):
            connection.abort()
        await super()._close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            return
        try:
            upstream = await asyncio.open_connection(HOST, self._upstream_port)
        except OSError:
            return
        connection = _Connection(writer, upstream[1], lost_bytes=self._swallowing)
        self._connections.add(connection)
        try:
            await asyncio.gather(
                self._pump(reader, upstream[1], connection),
                self._pump(upstream[0], writer, connection),
            )
        finally:
            connection.abort()
            self._connections.discard(connection)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        try:
            while chunk := await source.read(_CHUNK_BYTES):
                if self._swallowing:
                    connection.lost_bytes = True
                    continue
                await self._flowing.wait()
                await asyncio.sleep(self._seconds_for(len(chunk)))
                sink.write(chunk)
                await sink.drain()
        except OSError:
            pass
        finally:
            if not self._swallowing:
                sink.close()

    def _seconds_for(self, size: int) -> float:
        rate = self._bytes_per_second
        return self._delay_seconds + (size / rate if rate else 0.0)
