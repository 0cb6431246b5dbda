"""PostgreSQL on a disk of its own that is too small, and what fills it."""

import errno
import os
import shlex
import shutil
from io import RawIOBase
from pathlib import Path
from typing import Final

from burnline.localstack.command import Command
from burnline.localstack.config import DataDir
from burnline.localstack.postgres import PostgresNode
from burnline.localstack.postgres_home import forget_home, open_home
from tests.support.servers.proxy import HOST
from tests.support.servers.running import TEMPLATE, ServerProcess, held_port, migrate

SPARE_MEBIBYTES: Final = 96
_MEBIBYTE: Final = 1024 * 1024
_SETTINGS: Final = ("max_wal_size=32MB", "min_wal_size=32MB", "checkpoint_timeout=30s")

# PostgreSQL may end itself while the disk is full, and is started again as a supervisor does. It
# refuses to run as root, which we are inside the namespace at first.
_SCRIPT: Final = """\
set -e
mount -t tmpfs -o size={size}m,mode=0711 none {disk}
cp -a {data} {disk}/data
while true; do
  {as_account} {server} -D {disk}/data || true
  sleep 0.2
done
"""


class SmallDisk:
    """The server, and the ballast that fills its disk."""

    def __init__(self, folder: Path) -> None:
        self._data_dir = DataDir(folder)
        self._data_dir.logs.mkdir(parents=True)
        self._node = PostgresNode(open_home(self._data_dir), HOST, held_port())
        self._disk = self._node.home.directory / "disk"
        self._server: ServerProcess | None = None

    @property
    def url(self) -> str:
        """The address of its migrated database."""
        return self._node.url(TEMPLATE)

    async def start(self) -> None:
        """Make the database on the large disk, then run it from the small one."""
        whole = ServerProcess(self._node.command(), self._data_dir.logs)
        await whole.start()
        await self._node.ensure_database(TEMPLATE)
        migrate(self.url)
        whole.stop()
        self._disk.mkdir()
        self._server = ServerProcess(self._command(), self._data_dir.logs)
        await self._server.start()

    def fill(self) -> None:
        """Write until the disk has no room for another byte."""
        with self._ballast().open("wb", buffering=0) as ballast:
            for size in (_MEBIBYTE, 4096, 1):
                while _is_written(ballast, size):
                    pass

    def free(self) -> None:
        """Give the room back."""
        self._ballast().unlink()

    @property
    def log(self) -> str:
        """What the server has written."""
        return self._data_dir.log("postgres").read_text(errors="replace")

    def stop(self) -> None:
        """End the server; its disk goes with it."""
        if self._server is not None:
            self._server.end_at_once()
        forget_home(self._data_dir)
        shutil.rmtree(self._data_dir.path, ignore_errors=True)

    def _ballast(self) -> Path:
        """The ballast as it is seen through the namespace of the server."""
        assert self._server is not None
        return Path(f"/proc/{self._server.pid}/root{self._disk}/ballast")

    def _command(self) -> Command:
        usual, home = self._node.command(), self._node.home
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        account = home.account
        if account is not None:
            namespace = ["unshare", "--mount"]
            ids = f"--reuid={account.uid} --regid={account.gid} --clear-groups"
            as_account = f"setpriv {ids}"
        else:
            namespace = ["unshare", "--map-root-user", "--mount"]
            as_account = f"unshare --map-user={os.geteuid()} --map-group={os.getegid()}"
        size = _size_mebibytes(home.data) + SPARE_MEBIBYTES
        script = _SCRIPT.format(
            size=size,
            disk=self._disk,
            data=home.data,
            as_account=as_account,
            server=shlex.join([*usual.argv[:-2], *settings]),
        )
        return Command(name="postgres", argv=(*namespace, "sh", "-c", script), probe=usual.probe)


def _is_written(ballast: RawIOBase, size: int) -> bool:
    """Write so many bytes; False where the disk has no room for any of them."""
    try:
        ballast.write(b"\0" * size)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


def _size_mebibytes(folder: Path) -> int:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) // _MEBIBYTE + 1
