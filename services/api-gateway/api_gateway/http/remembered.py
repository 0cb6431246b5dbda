"""Say how old an answer is that comes from memory, since the database does not answer."""

from contextvars import ContextVar
from datetime import datetime
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.config.clock import Clock
from common.http.middleware import HttpMiddleware, at_start

REMEMBERED_AT: Final[ContextVar[datetime | None]] = ContextVar("remembered_at", default=None)
"""When that was read from which the present request is answered; None: it is of now."""


class AgeMiddleware(HttpMiddleware):
    """Give such answers HTTP's own header for it, `Age`, in seconds."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        super().__init__(app)
        self._clock = clock

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        REMEMBERED_AT.set(None)

        def add_age(message: Message) -> None:
            read_at = REMEMBERED_AT.get()
            if read_at is not None:
                age = max(0, round((self._clock() - read_at).total_seconds()))
                MutableHeaders(scope=message)["Age"] = str(age)

        await self._app(scope, receive, at_start(send, add_age))
