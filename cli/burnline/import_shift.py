"""By how much an import's timestamps are moved: decided by its first run, kept for every later."""

import fcntl
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Shift:
    """What is added to every timestamp; `stored` tells a decision of an earlier run."""

    by: timedelta
    stored: bool


def shift_to(newest: datetime, now: datetime) -> timedelta:
    """Return the whole seconds that bring `newest` to `now`, not past it."""
    return timedelta(seconds=math.floor((now - newest).total_seconds()))


class ShiftFile:
    """`imports.json`: the shift of each import, by import id."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def decide(self, import_id: str, now: datetime, first: Callable[[], timedelta]) -> Shift:
        """Return the stored shift; else store what `first` gives, before anything is sent.

        A second shift would count the same lines again at another time.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            if import_id in known:
                return Shift(timedelta(seconds=known[import_id]["shift_seconds"]), stored=True)
            by = first()
            entry = {"shift_seconds": int(by.total_seconds()), "first_run_at": now.isoformat()}
            self._write({**known, import_id: entry})
            return Shift(by, stored=False)

    def _read(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return known

    def _write(self, known: dict[str, Any]) -> None:
        partial = self._path.with_suffix(".partial")
        with partial.open("w") as stream:
            json.dump(known, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._path)
