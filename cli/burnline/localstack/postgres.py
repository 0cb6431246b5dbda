"""PostgreSQL for one stack: run in the foreground from the binaries of a wheel, over TCP only."""

import contextlib
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from burnline.errors import StackError
from burnline.localstack.command import Command
from burnline.localstack.postgres_home import PostgresHome, run_as

USER: Final = "burnline"
DATABASE: Final = "burnline"
MAINTENANCE_DATABASE: Final = "postgres"
PROBE_TIMEOUT_SECONDS: Final = 2.0
PID_FILE: Final = "postmaster.pid"


@dataclass(frozen=True, slots=True)
class PostgresNode:
    """One server on loopback with a password of its own; nothing listens on a Unix socket."""

    home: PostgresHome
    host: str
    port: int

    def url(self, database: str = DATABASE) -> str:
        """The address of a database on this server, in the plain form."""
        return f"postgresql://{USER}:{self.home.password}@{self.host}:{self.port}/{database}"

    def command(self) -> Command:
        """The server process; the cluster is made before its first start."""
        return Command(
            name="postgres",
            argv=(*self._argv(), "-D", str(self.home.data)),
            probe=self.is_ready,
            directory=self.home.directory,
            account=self.home.account,
            stop_signal=signal.SIGINT,
            prepare=self.prepare,
        )

    def prepare(self) -> None:
        """Make the cluster if there is none, and drop the pid file of a server that is gone."""
        if not (self.home.data / "PG_VERSION").exists():
            self._initdb()
        drop_stale_pid_file(self.home.data)

    async def is_ready(self) -> bool:
        """Whether the server takes a login."""
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
            connection = await self._connect()
            await connection.close()
            return True
        return False

    async def ensure_database(self, name: str = DATABASE) -> None:
        """Create a database that is not there yet."""
        connection = await self._connect()
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            self.url(MAINTENANCE_DATABASE), timeout=PROBE_TIMEOUT_SECONDS, ssl=False
        )

    def _argv(self) -> tuple[str, ...]:
        settings = (
            f"listen_addresses={self.host}",
            f"port={self.port}",
            "unix_socket_directories=",
            "max_connections=100",
            "log_line_prefix=%m [%p] ",
        )
        flags = (part for setting in settings for part in ("-c", setting))
        return (str(self.home.program("postgres")), *flags)

    def _initdb(self) -> None:
        # Made beside its place and renamed, so that an interrupted initdb leaves no half cluster.
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self.home.directory))
        password_file = partial / "password"
        password_file.write_text(self.home.password + "\n")
        _give(self.home, partial, password_file)
        argv = [str(self.home.program("initdb")), "-D", str(partial / "data"), "-U", USER]
        argv += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        argv += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        try:
            done = run_as(self.home.account, argv)
            if done.returncode != 0:
                message = f"initdb failed: {done.stdout}{done.stderr}"
                raise StackError(message)
            (partial / "data").rename(self.home.data)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def drop_stale_pid_file(data: Path) -> None:
    """Remove the pid file when its pid now belongs to a stranger.

    PostgreSQL itself copes with the file of a dead server, but takes any live process of the same
    user for one. The file stays as long as any process works in the data folder: it is what
    keeps a second server out.
    """
    try:
        pid = int((data / PID_FILE).read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if psutil.pid_exists(pid) and not _works_in(data):
        (data / PID_FILE).unlink(missing_ok=True)


def _works_in(data: Path) -> bool:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()) == data:
                return True
    return False


def _give(home: PostgresHome, *paths: Path) -> None:
    if home.account is not None:
        for path in paths:
            os.chown(path, home.account.uid, home.account.gid)
