"""The incidents that were simulated, to score what the product makes of them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ingest.simulator.scenarios import SimulatedIncident, incidents
from ingest.simulator.services import SERVICES

Fact = tuple[str, SimulatedIncident]
"""A service and an incident of it."""


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
    """One JSON object a line, each incident once, also across restarts."""

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
            "from": _rfc3339(incident.start),
            "to": _rfc3339(incident.end),
            "parameters": incident.parameters,
        }
    )


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
