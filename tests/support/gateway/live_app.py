"""An application behind a real port, for callers that are no Python."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

HOST = "127.0.0.1"


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[str]:
    """Serve the application in this loop while the block runs; gives its base URL."""
    config = uvicorn.Config(app, host=HOST, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    [socket] = server.servers[0].sockets
    yield f"http://{HOST}:{socket.getsockname()[1]}"
    server.should_exit = True
    await serving
