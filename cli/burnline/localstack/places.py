"""Folders of the local stack, and who may work in them at a time."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from burnline.errors import StackError


def project_root() -> Path:
    """The checkout: where alembic.ini, the migrations and the pins are."""
    return Path(__file__).resolve().parents[3]


def cache_dir() -> Path:
    """The user's cache folder of Burnline."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "burnline"


def free_bytes(path: Path) -> int:
    """The space that is left for a folder, which need not be there yet."""
    return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free


def require_space(path: Path, needed_bytes: int) -> None:
    """Raise StackError where less is free."""
    free = free_bytes(path)
    if free < needed_bytes:
        raise StackError(
            f"{free / 1e6:.0f} MB are free at {path}, {needed_bytes / 1e6:.0f} MB are needed: "
            "free some, or set BURNLINE_DATA_DIR and XDG_CACHE_HOME to another disk"
        )


def write_private(path: Path, text: str, flags: int = os.O_EXCL) -> None:
    """Write a file that its owner alone may read; FileExistsError where it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file, whose folder is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The kernel frees the lock when its holder dies, so whoever is interrupted blocks nobody.
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
