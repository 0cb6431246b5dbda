"""What the simulator keeps on disk: its progress, and the incidents that it simulated."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from common.config.clock import rfc3339
from ingest.simulator.scenarios import SimulatedIncident, incidents
from ingest.simulator.services import SERVICES

HISTORY = timedelta(days=7)
HISTORY_WINDOW_SECONDS = 60
LIVE_WINDOW_SECONDS = 10

Fact = tuple[str, SimulatedIncident]
"""A service and an incident of it."""


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


def facts_between(seed: int, start: int, end: int) -> list[Fact]:
    """Return the incidents of all services that overlap [start, end), oldest first."""
    found = [
        (service.name, incident)
        for service in SERVICES
        if service.scenario is not None
        for incident in incidents(seed, service.scenario, start, end)
    ]
    return sorted(found, key=lambda fact: (fact[1].start, fact[0]))


class TruthFile:
    """The incidents, to score what the product makes of them: one JSON object a line, each once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] | None = None

    def add(self, facts: Iterable[Fact]) -> None:
        """Append those that are missing."""
        if self._known is None:
            self._known = self._read()
        lines = [line for fact in facts if (line := _line(*fact)) not in self._known]
        if lines:
            with self._path.open("a") as stream:
                stream.writelines(line + "\n" for line in lines)
            self._known.update(lines)

    def _read(self) -> set[str]:
        """Return the lines of the file; cut off an incomplete last one after a crash."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        text = self._path.read_text()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._path.write_text(whole)
        return set(whole.splitlines())


def _line(service: str, incident: SimulatedIncident) -> str:
    return json.dumps(
        {
            "scenario": incident.kind,
            "service": service,
            "from": rfc3339(datetime.fromtimestamp(incident.start, UTC)),
            "to": rfc3339(datetime.fromtimestamp(incident.end, UTC)),
            "parameters": incident.parameters,
        }
    )
