"""Which events of a request count: a verdict for each, never one for all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.admission.change_events import check_change_time, parse_change_event
from common.admission.identity import identity_of
from common.admission.metric_events import EventRejected, check_time, parse_metric_event
from common.events import ChangeEvent, MetricEvent

MISSING_IDENTITY = "missing_identity"


Accepted = MetricEvent | ChangeEvent
Admit = Callable[[bytes, datetime], Accepted]
"""Returns the event of a body that arrived at an instant; raises EventRejected."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event as it came; `index` is its place in the array or its line, from 0."""

    index: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that does not count, and why. `fields` are paths within the event."""

    index: int
    code: str
    fields: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The events of one request, parted; both lists are in the order of the request."""

    accepted: list[Accepted]
    rejected: list[Rejection]


def judge(items: Iterable[Item], now: datetime, admit: Admit) -> Verdicts:
    """Return what is to be published and what is wrong with the rest.

    `now` is the time of arrival that timestamps are held against.
    """
    verdicts = Verdicts([], [])
    for item in items:
        try:
            verdicts.accepted.append(admit(item.body, now))
        except EventRejected as refused:
            verdicts.rejected.append(
                Rejection(item.index, refused.code, _fields(refused), refused.detail)
            )
    return verdicts


def metric_admission(lateness: timedelta) -> Admit:
    """Return what admits metric events that are late by no more than this."""

    def admit(body: bytes, now: datetime) -> MetricEvent:
        return admit_metric(body, now, lateness)

    return admit


def admit_metric(body: bytes, now: datetime, lateness: timedelta) -> MetricEvent:
    """Return the event; raise EventRejected where it is wrong, unknown fields included."""
    event = parse_metric_event(body, forbid_unknown=True)
    if identity_of(event) is None:
        raise EventRejected(
            MISSING_IDENTITY,
            "event_id",
            "send `event_id`, or at least `source` (the content is then the identity): without "
            "either, an event that is sent twice would be counted twice",
        )
    check_time(event.timestamp, now, lateness)
    return event


def admit_change(body: bytes, now: datetime) -> ChangeEvent:
    """Return the event; raise EventRejected where it is wrong, unknown fields included."""
    event = parse_change_event(body, forbid_unknown=True)
    check_change_time(event.at, now)
    return event


def _fields(refused: EventRejected) -> tuple[str, ...]:
    if refused.code == MISSING_IDENTITY:
        return ("event_id", "source")
    return (refused.field,)
