"""What a report says of a service: objectives, what spent the budget, what was blocked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from common.slo.arithmetic import bad_events_allowed, error_budget_consumed

BEFORE_EPISODE = timedelta(minutes=60)
"""A change so shortly before an episode is reported with it, whether or not it was the cause."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Period:
    """The span that is reported on."""

    since: datetime
    until: datetime

    @classmethod
    def before(cls, until: datetime, length: timedelta) -> Self:
        """Return the period of that length, from a full hour on: older counts are by the hour."""
        return cls((until - length).replace(minute=0, second=0, microsecond=0), until)


@dataclass(frozen=True, slots=True)
class SloFigures:
    """An objective over the period; `uncertain` of the bad ones may be good."""

    target: Row
    total: int
    bad: int
    uncertain: int = 0

    @property
    def met(self) -> bool | None:
        """Whether it was met over the period; None where that is not known."""
        allowed = bad_events_allowed(self.total, self.target["objective"])
        if not self.total or self.bad - self.uncertain <= allowed < self.bad:
            return None
        return self.bad <= allowed

    @property
    def spent_ratio(self) -> float:
        """The budget of the period that was spent: 1 is all of it."""
        return error_budget_consumed(self.bad, self.total, self.target["objective"])

    @property
    def spent_least_ratio(self) -> float:
        """The same if nothing uncertain was bad."""
        certain = self.bad - self.uncertain
        return error_budget_consumed(certain, self.total, self.target["objective"])


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert in the period, the bad requests while it lasted, and the change before it.

    `share_ratio` is their part of all bad requests that the same objective had in the period.
    """

    alert: Row
    started_at: datetime
    ended_at: datetime | None
    bad: int
    share_ratio: float
    change: Row | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """How often feature releases were blocked, for how long, and who decided instead for how long.

    What was blocked by an override counts as blocked and as overridden.
    """

    times: int
    length: timedelta
    overridden: timedelta
    overrides: Sequence[Row]


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """A service over the period, with the ids of what its figures of now are of.

    `more_episodes` were left out.
    """

    service: Row
    slos: Sequence[SloFigures]
    episodes: Sequence[Episode]
    more_episodes: int
    changes: Sequence[Row]
    notes: Sequence[Row]
    blocked: Blocked
    snapshot_id: str | None = None
    decision_id: str | None = None

    @property
    def worst(self) -> float:
        """The greatest share of a budget that was spent."""
        return max((slo.spent_ratio for slo in self.slos), default=0.0)


def instant(text: str) -> datetime:
    """Return an instant as the API writes it."""
    return datetime.fromisoformat(text)


def objective_of(alert: Row, totals: Row) -> Row | None:
    """Return the objective that an alert is about, the service's worst one where it names none."""
    for slo in totals["slos"]:
        if slo["name"] == alert["slo"] or (alert["slo"] is None and slo["id"] == totals["slo_id"]):
            found: Row = slo
            return found
    return None


def change_before(started_at: datetime, changes: Sequence[Row]) -> Row | None:
    """Return the last change that took effect shortly before an instant."""
    near = [c for c in changes if timedelta() <= started_at - instant(c["at"]) <= BEFORE_EPISODE]
    return max(near, key=lambda c: instant(c["at"]), default=None)


def blocked(answers: Sequence[Row], overrides: Sequence[Row], period: Period) -> Blocked:
    """Return what the gate held back, by what it answered to a feature release from when on.

    Answers newest first, as far back as the period began; overrides are those made in the period.
    """
    times, length, overridden, before = 0, timedelta(), timedelta(), False
    for answer in reversed(answers):
        ended = period.until if answer["until"] is None else instant(answer["until"])
        lasted = min(ended, period.until) - max(instant(answer["since"]), period.since)
        if lasted <= timedelta():
            continue
        now = not answer["allowed"]
        times += now and not before
        length += lasted if now else timedelta()
        overridden += lasted if answer["overridden"] else timedelta()
        before = now
    made = [o for o in overrides if period.since <= instant(o["created_at"]) <= period.until]
    return Blocked(times, length, overridden, made)
