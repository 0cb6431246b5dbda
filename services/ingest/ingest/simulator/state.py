"""The progress of the simulator across restarts, in one small file."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

HISTORY = timedelta(days=7)
HISTORY_WINDOW_SECONDS = 60
LIVE_WINDOW_SECONDS = 10


class SimulatorState(Struct, frozen=True):
    """How far the simulator has come; times are seconds since 1970.

    The history keeps its import id for ever, because its events are in the database even where
    the broker has lost them.
    """

    seed: int
    history_start: int
    history_end: int
    history_published: bool
    published_through: int

    @property
    def import_id(self) -> str:
        """The import id of the history's records."""
        return f"simulator-{self.seed}-{self.history_start}"


def first_state(seed: int, now: datetime) -> SimulatorState:
    """Return the plan of a first start: history up to the present minute."""
    end = int(now.timestamp()) // HISTORY_WINDOW_SECONDS * HISTORY_WINDOW_SECONDS
    return SimulatorState(
        seed=seed,
        history_start=end - int(HISTORY.total_seconds()),
        history_end=end,
        history_published=False,
        published_through=end,
    )


class StateFile:
    """The state on disk, replaced in one step."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> SimulatorState | None:
        """Return the stored state; None before the first start."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SimulatorState)
        except FileNotFoundError:
            return None

    def write(self, state: SimulatorState) -> None:
        """Store the state so that a crash leaves the old one or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with partial.open("wb") as stream:
            stream.write(msgspec.json.encode(state))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._path)
