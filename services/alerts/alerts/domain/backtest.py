"""Backtest of rules: the alerts they would have raised, and how right these were. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from statistics import median
from typing import Final

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import Moment, ServiceState
from alerts.domain.evaluate import decide
from alerts.domain.readings import Inputs
from common.alerting.rules import SEVERITY_ORDER, Rule, Severity
from common.events import BurnRateSnapshot, ServiceChanged

WARM_UP: Final = timedelta(hours=2)
"""A replay begins so much before the time asked for, to know what is firing already."""

AFTERMATH: Final = timedelta(minutes=10)
"""An alert so soon after an incident still belongs to it: windows look back."""


@dataclass(slots=True)
class Alarm:
    """An episode that would have been notified, from then to its end."""

    service_name: str
    rule: str
    severity: Severity
    told_at: datetime
    ended_at: datetime | None
    message: str


@dataclass(frozen=True, slots=True)
class Incident:
    """What was really wrong with a service."""

    service_name: str
    kind: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """Precision and recall of alarms.

    `right` alarms were about an incident, `detected` incidents had an alarm open. Detection is
    measured from the beginning of the incident, 0 s where the alarm was open already. `by_kind`
    is (detected, all) for each kind of incident.
    """

    alarms: int
    right: int
    incidents: int
    detected: int
    detection_seconds: tuple[float, ...]
    by_kind: dict[str, tuple[int, int]]

    @property
    def precision(self) -> float | None:
        """The share of alarms that were right; None without any."""
        return self.right / self.alarms if self.alarms else None

    @property
    def recall(self) -> float | None:
        """The share of incidents that were detected; None without any."""
        return self.detected / self.incidents if self.incidents else None

    @property
    def median_detection_seconds(self) -> float | None:
        """The median detection time; None where nothing was detected."""
        return median(self.detection_seconds) if self.detection_seconds else None


class Backtest:
    """The rules applied to snapshots of the past, each service by itself."""

    def __init__(self, rules: Mapping[str, Rule], services: Iterable[ServiceChanged] = ()) -> None:
        self._configuration = AlertConfiguration(rules)
        for service in services:
            self._configuration.apply(service)
        self._ids = count(1)
        self.alarms: list[Alarm] = []

    def run(self, service_name: str, snapshots: Iterable[BurnRateSnapshot]) -> list[Alarm]:
        """Return the service's alarms, oldest first."""
        state, found, open_alarms = ServiceState(), [], dict[int, Alarm]()
        for snapshot in snapshots:
            now = snapshot.evaluated_at
            moment, inputs = Moment(now, 0), Inputs(snapshot)
            decision = decide(service_name, state, inputs, self._configuration, moment)
            stored = decision.numbered(self._ids)
            for key, reason, _ in decision.notifications:
                episode = stored[key]
                if reason == "resolved":
                    open_alarms.pop(episode.id).ended_at = now
                elif episode.id in open_alarms:
                    open_alarms[episode.id].severity = episode.severity
                else:
                    severity, message = episode.severity, episode.message
                    alarm = Alarm(service_name, key.rule, severity, now, None, message)
                    open_alarms[episode.id] = alarm
                    found.append(alarm)
            state = decision.state(stored)
        self.alarms += found
        return found


def score(
    alarms: Sequence[Alarm], incidents: Sequence[Incident], least: Severity, since: datetime
) -> Score:
    """Score the alarms of at least that severity against the incidents.

    What began before `since` does not count, but may explain alarms and detect incidents.
    """
    severe = [a for a in alarms if SEVERITY_ORDER[a.severity] >= SEVERITY_ORDER[least]]
    fresh = [a for a in severe if a.told_at >= since]
    right = [a for a in fresh if any(_is_about(a, i) for i in incidents)]
    asked = [incident for incident in incidents if incident.start >= since]
    detections = []
    by_kind = dict.fromkeys(sorted({incident.kind for incident in asked}), (0, 0))
    for incident in asked:
        about = [a for a in severe if _is_about(a, incident)]
        found, total = by_kind[incident.kind]
        by_kind[incident.kind] = found + bool(about), total + 1
        if about:
            first = min(alarm.told_at for alarm in about)
            detections.append(max(0.0, (first - incident.start).total_seconds()))
    return Score(len(fresh), len(right), len(asked), len(detections), tuple(detections), by_kind)


def _is_about(alarm: Alarm, incident: Incident) -> bool:
    """Whether an alarm was open during an incident, or began just after it."""
    return (
        alarm.service_name == incident.service_name
        and alarm.told_at <= incident.end + AFTERMATH
        and (alarm.ended_at is None or alarm.ended_at >= incident.start)
    )
