"""Open PostgreSQL sessions: reading and writing are distinct types; only `write` commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NewType, Self

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from common.config.settings import DatabaseSettings

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", ReadSession)  # what may write may read

_LIMITS = {"lock_timeout": "10s", "statement_timeout": "30s"}  # nothing hangs unseen


DATABASE_ERRORS = (OSError, SQLAlchemyError)
"""All that a session may raise, whoever is to blame."""

_UNAVAILABLE_CLASSES = ("08", "40", "53", "55", "57")
"""SQLSTATE: connection, serialisation, resources, locks, an operator's intervention."""


def is_unavailable(error: BaseException) -> bool:
    """Return whether an error says that the database does not answer now, not that we are wrong."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | PoolTimeoutError)
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in _UNAVAILABLE_CLASSES


def async_url(database_url: str) -> str:
    """Return the address with the asyncpg driver, whatever form it came in."""
    url = make_url(database_url)
    return url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def tls_options(settings: DatabaseSettings) -> dict[str, Any]:
    """Return the driver's TLS options; none where its default is used."""
    context = settings.address.ssl()
    return {} if context is None else {"ssl": context}


class Database:
    """A pool of connections and the two ways to use one."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    def connect(cls, settings: DatabaseSettings, application: str) -> Self:
        """Return a database that connects when first used."""
        idle_milliseconds = max(1, round(settings.idle_transaction_seconds * 1000))
        limits = {**_LIMITS, "idle_in_transaction_session_timeout": str(idle_milliseconds)}
        engine = create_async_engine(
            async_url(settings.address.url),
            pool_size=settings.pool_size,
            pool_pre_ping=True,
            connect_args={
                **tls_options(settings),
                "timeout": 5,
                "command_timeout": 60,
                "server_settings": {**limits, "application_name": application},
            },
        )
        return cls(engine)

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: DatabaseSettings, application: str) -> AsyncIterator[Self]:
        """Yield a database whose connections are closed at the end of the block."""
        database = cls.connect(settings, application)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """Yield a session whose transaction is read-only."""
        async with AsyncSession(self._engine) as session:
            await session.execute(text("SET TRANSACTION READ ONLY"))
            yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """Yield a session that is committed at the end of the block, or rolled back."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            yield WriteSession(ReadSession(session))

    async def ping(self) -> None:
        """Raise where the database does not answer."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
