"""Log files of the stack: bounded in size, read from their end, followed."""

import shutil
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 20_000_000
POLL_SECONDS: Final = 0.3


def bound(path: Path, max_bytes: int = MAX_BYTES) -> None:
    """Move a log that has grown too large to `<name>.log.1` and empty it.

    Its writers have it open in append mode, so they go on at the new end. Lines written between
    the copy and the cut are lost; that is the price for writers that need not know.
    """
    if path.exists() and path.stat().st_size > max_bytes:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        with path.open("r+b") as stream:
            stream.truncate(0)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, none when it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as stream:
        return [line.rstrip("\n") for line in deque(stream, maxlen=lines)]


def follow(paths: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield (name, line) as the logs grow, for ever; begins at their present end."""
    positions = {name: _size(path) for name, path in paths.items()}
    while True:
        for name, path in paths.items():
            size = _size(path)
            if size < positions[name]:
                positions[name] = 0
            if size > positions[name]:
                lines, positions[name] = _read_lines(path, positions[name])
                yield from ((name, line) for line in lines)
        time.sleep(POLL_SECONDS)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_lines(path: Path, start: int) -> tuple[list[str], int]:
    with path.open("rb") as stream:
        stream.seek(start)
        complete, newline, _ = stream.read().rpartition(b"\n")
    lines = complete.decode(errors="replace").split("\n") if newline else []
    return lines, start + len(complete) + len(newline)
