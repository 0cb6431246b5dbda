"""What a set of rules would have told of the past, and how right it would have been. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from msgspec.structs import replace

from alerts.domain.configuration import Intent
from alerts.domain.decision import Decision, Moment, ServiceState
from alerts.domain.episodes import Episode
from alerts.domain.evaluate import decide
from alerts.domain.readings import Inputs
from common.alerting.rules import SEVERITY_ORDER, Rule, Severity
from common.events import BurnRateSnapshot, ServiceChanged

WARM_UP: Final = timedelta(hours=2)
"""So much earlier a replay begins than what is asked of it, to know what fires already."""

AFTERMATH: Final = timedelta(minutes=10)
"""What fires so soon after an incident is still about it: windows look back."""


@dataclass(slots=True)
class Alarm:
    """An episode that somebody would have been told of, from then to its end."""

    service_name: str
    rule: str
    severity: Severity
    told_at: datetime
    ended_at: datetime | None
    message: str


@dataclass(frozen=True, slots=True)
class Incident:
    """What really was wrong with a service."""

    service_name: str
    kind: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """How right the alarms were.

    `right` alarms were about an incident, `detected` incidents had an alarm open; detection took
    so many seconds from the beginning of the incident, 0 where the alarm was open already.
    `by_kind` is (detected, all) of each kind of incident.
    """

    alarms: int
    right: int
    incidents: int
    detected: int
    detection_seconds: tuple[float, ...]
    by_kind: dict[str, tuple[int, int]]

    @property
    def precision(self) -> float | None:
        """Return the share of alarms that were right; None without any."""
        return self.right / self.alarms if self.alarms else None

    @property
    def recall(self) -> float | None:
        """Return the share of incidents that were detected; None without any."""
        return self.detected / self.incidents if self.incidents else None

    @property
    def median_detection_seconds(self) -> float | None:
        """Return the middle detection time; None where nothing was detected."""
        return median(self.detection_seconds) if self.detection_seconds else None


class Replay:
    """The rules at work on a past that is given snapshot by snapshot, each service by itself."""

    def __init__(self, rules: Mapping[str, Rule], services: Iterable[ServiceChanged] = ()) -> None:
        self._intent = Intent(rules)
        for service in services:
            self._intent.apply(service)
        self._number = 0
        self.alarms: list[Alarm] = []

    def run(self, service_name: str, past: Iterable[BurnRateSnapshot]) -> list[Alarm]:
        """Return the service's alarms, oldest first."""
        state, found, open_alarms = ServiceState(), [], dict[int, Alarm]()
        for snapshot in past:
            now = snapshot.evaluated_at
            decision = decide(service_name, state, Inputs(snapshot), self._intent, Moment(now, 0))
            stored = self._stored(decision)
            for rule, transition, _ in decision.tells:
                episode = stored[rule]
                if transition == "resolved":
                    open_alarms.pop(episode.id).ended_at = now
                elif episode.id in open_alarms:
                    open_alarms[episode.id].severity = episode.severity
                else:
                    alarm = _alarm(episode, now)
                    open_alarms[episode.id] = alarm
                    found.append(alarm)
            episodes = {r: stored.get(r, e) for r, e in decision.after.episodes.items()}
            state = ServiceState(decision.after.memories, episodes, decision.after.told)
        self.alarms += found
        return found

    def _stored(self, decision: Decision) -> dict[str, Episode]:
        stored = {}
        for rule, episode in decision.changed.items():
            self._number += not episode.id
            stored[rule] = episode if episode.id else replace(episode, id=self._number)
        return stored


def score(
    alarms: Sequence[Alarm], incidents: Sequence[Incident], least: Severity, since: datetime
) -> Score:
    """Judge the alarms of at least that severity by what really was wrong.

    What began before `since` is not asked for; it may explain alarms and detect incidents.
    """
    grave = [a for a in alarms if SEVERITY_ORDER[a.severity] >= SEVERITY_ORDER[least]]
    fresh = [a for a in grave if a.told_at >= since]
    right = [a for a in fresh if any(_is_about(a, i) for i in incidents)]
    asked = [incident for incident in incidents if incident.start >= since]
    detections = []
    by_kind = dict.fromkeys(sorted({incident.kind for incident in asked}), (0, 0))
    for incident in asked:
        about = [a for a in grave if _is_about(a, incident)]
        found, total = by_kind[incident.kind]
        by_kind[incident.kind] = found + bool(about), total + 1
        if about:
            first = min(alarm.told_at for alarm in about)
            detections.append(max(0.0, (first - incident.start).total_seconds()))
    return Score(len(fresh), len(right), len(asked), len(detections), tuple(detections), by_kind)


def _is_about(alarm: Alarm, incident: Incident) -> bool:
    """Tell whether an alarm was open during an incident, or began just after it."""
    return (
        alarm.service_name == incident.service_name
        and alarm.told_at <= incident.end + AFTERMATH
        and (alarm.ended_at is None or alarm.ended_at >= incident.start)
    )


def _alarm(episode: Episode, now: datetime) -> Alarm:
    return Alarm(episode.service_name, episode.rule, episode.severity, now, None, episode.message)
