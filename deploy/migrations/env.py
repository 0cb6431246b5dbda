"""Runs the migrations on the database that DATABASE_URL names, in one transaction."""

import asyncio
from logging.config import fileConfig

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from common.config.settings import DatabaseSettings
from common.storage.database import async_url, tls_options

# two processes that start together must not migrate the same database twice
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('burnline.migrations'))")


def migrate(connection: Connection) -> None:
    """Apply what is missing; the table of what has been applied lives in `public`."""
    context.configure(connection=connection, version_table_schema="public", transactional_ddl=True)
    with context.begin_transaction():
        connection.execute(LOCK)
        context.run_migrations()


async def migrate_online() -> None:
    """Connect, migrate, commit."""
    settings = DatabaseSettings()
    url = async_url(settings.address.url)
    engine = create_async_engine(url, poolclass=NullPool, connect_args=tls_options(settings))
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def write_script() -> None:
    """Print the statements instead of running them (`alembic upgrade head --sql`)."""
    context.configure(dialect_name="postgresql", literal_binds=True, version_table_schema="public")
    with context.begin_transaction():
        context.run_migrations()


if context.config.config_file_name is not None:
    # a caller that runs migrations in its own process keeps its loggers
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    write_script()
else:
    asyncio.run(migrate_online())
