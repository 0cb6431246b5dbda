"""A local server that speaks OpenAI's protocol and answers as it is told to, well or badly."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Answer = bytes | Callable[[asyncio.StreamWriter], Any]


def completion(content: object) -> bytes:
    """Return a chat completion whose message is `content`, as JSON unless it is a string."""
    said = content if isinstance(content, str) else json.dumps(content)
    body = {"object": "chat.completion", "choices": [{"message": {"content": said}}]}
    return http(json.dumps(body).encode())


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """Return a whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode() + body


class FakeModel:
    """The server: gives `answer` to every request, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = http(b"", "500 Internal Server Error")
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.base_url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(int(line[15:]) for line in head.split("\r\n") if "content-length" in line)
            self.asked.append(json.loads(await reader.readexactly(length)))
            self.keys += [line[15:] for line in head.split("\r\n") if line.startswith("authoriz")]
            if callable(self.answer):
                await self.answer(writer)
            else:
                writer.write(self.answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake_model() -> AsyncIterator[FakeModel]:
    """Run the server on loopback until the block ends."""
    model = FakeModel()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    model.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        server.close()
