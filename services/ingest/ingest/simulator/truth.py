"""What was really simulated, for whoever wants to judge what the product made of it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ingest.simulator.scenarios import Episode, episodes
from ingest.simulator.services import SERVICES

Fact = tuple[str, Episode]
"""A service and what befell it."""


def facts_between(seed: int, start: int, end: int) -> list[Fact]:
    """Return every service's episodes that overlap [start, end), oldest first."""
    found = [
        (service.name, episode)
        for service in SERVICES
        if service.scenario is not None
        for episode in episodes(seed, service.scenario, start, end)
    ]
    return sorted(found, key=lambda fact: (fact[1].start, fact[0]))


class TruthFile:
    """One JSON object a line, each episode once, also across restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] | None = None

    def add(self, facts: Iterable[Fact]) -> None:
        """Append those that are not there yet."""
        if self._known is None:
            self._known = self._read()
        lines = [line for fact in facts if (line := _line(*fact)) not in self._known]
        if lines:
            with self._path.open("a") as stream:
                stream.writelines(line + "\n" for line in lines)
            self._known.update(lines)

    def _read(self) -> set[str]:
        """Return the lines that are there; cut off what a crash left of a last one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        text = self._path.read_text()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._path.write_text(whole)
        return set(whole.splitlines())


def _line(service: str, episode: Episode) -> str:
    return json.dumps(
        {
            "scenario": episode.kind,
            "service": service,
            "from": _rfc3339(episode.start),
            "to": _rfc3339(episode.end),
            "parameters": episode.parameters,
        }
    )


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
