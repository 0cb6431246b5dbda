"""By how much an import's timestamps are moved: decided by its first run, kept for every later."""

import json
import math
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from burnline.errors import StackError
from burnline.localstack.places import exclusive


def shift_to(newest: datetime, now: datetime) -> timedelta:
    """Return the whole seconds that bring `newest` to `now`, not past it."""
    return timedelta(seconds=math.floor((now - newest).total_seconds()))


class ShiftFile:
    """`imports.json`: the shift of each import, by import id."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, import_id: str) -> timedelta | None:
        """Return the shift of an import's first run; None where there was none."""
        entry = self._read().get(import_id)
        return None if entry is None else timedelta(seconds=entry["shift_seconds"])

    def store(self, import_id: str, by: timedelta, now: datetime) -> None:
        """Store the shift, to be called before the first line is sent.

        Raises StackError where another shift is stored: the same lines would be counted at two
        times.
        """
        with exclusive(self._path.with_suffix(".lock")):
            stored = self.find(import_id)
            if stored is not None and stored != by:
                raise StackError("the same import was begun meanwhile: run the command again")
            entry = {"shift_seconds": int(by.total_seconds()), "first_run_at": now.isoformat()}
            if stored is None:
                self._write({**self._read(), import_id: entry})

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
