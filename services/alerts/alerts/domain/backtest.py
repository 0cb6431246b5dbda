"""Backtest of rules: the alerts they would have raised, and how right these were. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from statistics import median
from typing import Final

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import Moment
from alerts.domain.episodes import Episode
from alerts.domain.evaluate import decide
from alerts.domain.notifications import NotificationReason
from alerts.domain.shard_state import ShardState
from common.alerting.rules import SEVERITY_ORDER, Rule, Severity
from common.events import BurnRateSnapshot, ServiceChanged

WARM_UP: Final = timedelta(hours=2)
"""A replay begins so much before the time asked for, to know what is firing already."""

AFTERMATH: Final = timedelta(minutes=10)
"""An alert so soon after an incident still belongs to it: windows look back."""


@dataclass(slots=True)
class Alarm:
    """An episode that would have been notified, from then to its end.

    `severity` is the highest so far; `notified` is when anybody would have been notified that it
    fires, and of which severity it was then.
    """

    service_name: str
    rule: str
    slo: str | None
    severity: Severity
    told_at: datetime
    ended_at: datetime | None
    message: str
    notified: list[tuple[datetime, Severity]]

    def notified_as(self, least: Severity) -> list[datetime]:
        """Return when anybody was notified of it at that severity or a higher one."""
        order = SEVERITY_ORDER[least]
        return [at for at, severity in self.notified if SEVERITY_ORDER[severity] >= order]


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

    Of `right` alarms and `detected` incidents somebody was notified between the beginning of an
    incident and just after its end. An alarm that was open before detects nothing. Detection is
    measured from the beginning. `by_kind` is (detected, all) for each kind of incident.
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
    """The rules applied to snapshots of the past of a shard, as the service does it live."""

    def __init__(self, rules: Mapping[str, Rule], services: Iterable[ServiceChanged] = ()) -> None:
        self._configuration = AlertConfiguration(rules)
        for service in services:
            self._configuration.apply(service)
        self._shard, self._ids = ShardState({}), count(1)
        self._open: dict[int, Alarm] = {}
        self.alarms: list[Alarm] = []

    def step(self, snapshots: Iterable[BurnRateSnapshot], now: datetime) -> None:
        """Evaluate what has changed, and what time alone may change; `now` rises."""
        for snapshot in snapshots:
            self._shard.observe(snapshot)
        due = self._shard.due(self._configuration.revision, silent=False)
        moment = Moment(now, 0)
        for name in sorted(due):
            inputs = self._shard.inputs(name, now, silent=False, invalid_counts=0)
            decision = decide(name, self._shard.state(name), inputs, self._configuration, moment)
            if not decision.is_empty:
                stored = decision.numbered(self._ids)
                for key, reason, _ in decision.notifications:
                    self._notify(stored[key], reason, now)
                self._shard.accept(decision, stored)
        self._shard.done(due)

    def _notify(self, episode: Episode, reason: NotificationReason, now: datetime) -> None:
        if reason == "resolved":
            self._open.pop(episode.id).ended_at = now
        elif alarm := self._open.get(episode.id):
            alarm.severity = episode.severity
            alarm.notified.append((now, episode.severity))
        else:
            alarm = Alarm(
                episode.service_name,
                episode.rule,
                episode.slo,
                episode.severity,
                now,
                None,
                episode.message,
                [(now, episode.severity)],
            )
            self._open[episode.id] = alarm
            self.alarms.append(alarm)


def score(
    alarms: Sequence[Alarm], incidents: Sequence[Incident], least: Severity, since: datetime
) -> Score:
    """Score the alarms of at least that severity against the incidents.

    What began before `since` does not count, but may explain alarms.
    """
    times = [(alarm, alarm.notified_as(least)) for alarm in alarms]
    fresh = [(alarm, at) for alarm, at in times if at and at[0] >= since]
    right = sum(any(_about(alarm, at, i) for i in incidents) for alarm, at in fresh)
    asked = [incident for incident in incidents if incident.start >= since]
    detections = []
    by_kind = dict.fromkeys(sorted({incident.kind for incident in asked}), (0, 0))
    for incident in asked:
        about = [first for alarm, at in times for first in _about(alarm, at, incident)[:1]]
        found, total = by_kind[incident.kind]
        by_kind[incident.kind] = found + bool(about), total + 1
        if about:
            detections.append((min(about) - incident.start).total_seconds())
    return Score(len(fresh), right, len(asked), len(detections), tuple(detections), by_kind)


def _about(alarm: Alarm, notified: Sequence[datetime], incident: Incident) -> list[datetime]:
    """Return when somebody was notified of an alarm during an incident, or just after it."""
    if alarm.service_name != incident.service_name:
        return []
    return [at for at in notified if incident.start <= at <= incident.end + AFTERMATH]
