"""Remember how the lives of a process ended, so that one that is started again and again is seen.

A life ends in order when the process is asked to stop. Whatever else ends it is a crash, which the
next life finds in a file of the data directory.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import Gauge

RECENT_SECONDS: Final = 300.0
CRASH_LOOP: Final = 3
"""From so many recent crashes on it is said that there is a loop."""

RECENT_CRASHES: Final = Gauge(
    "burnline_recent_crashes", "Lives of the process that did not end in order, of five minutes"
)


class _Kept(msgspec.Struct):
    is_running: bool = False
    crashed_at: list[float] = []  # seconds since 1970


class Lives:
    """The lives of one process, by its file; where that cannot be written nothing is known."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._kept = _Kept()

    def begin(self) -> None:
        """Note that a life begins, and the crash that ended the one before, if it was one."""
        with suppress(OSError, msgspec.MsgspecError):
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        if self._kept.is_running:
            self._kept.crashed_at.append(self._clock())
        self._kept = _Kept(is_running=True, crashed_at=self._recent())
        self._write()
        RECENT_CRASHES.set_function(self.recent_crashes)

    def end(self) -> None:
        """Note that the process is asked to stop."""
        self._kept.is_running = False
        self._write()

    def recent_crashes(self) -> int:
        """Return how many lives have not ended in order, of the last minutes."""
        return len(self._recent())

    def warnings(self) -> dict[str, str]:
        """Return what to say of a crash loop, by name; nothing where there is none."""
        crashes = self.recent_crashes()
        if crashes < CRASH_LOOP:
            return {}
        minutes = RECENT_SECONDS / 60
        said = f"started again after {crashes} crashes within {minutes:.0f} minutes; see its log"
        return {"crash loop": said}

    def _recent(self) -> list[float]:
        since = self._clock() - RECENT_SECONDS
        return [at for at in self._kept.crashed_at if at >= since]

    def _write(self) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_suffix(".partial")
            partial.write_bytes(msgspec.json.encode(self._kept))
            partial.replace(self._path)
