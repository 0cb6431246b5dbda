"""Classifies the events of a request one by one: accepted, or rejected with a reason. Pure."""

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
    """An event that is refused, and why. `fields` are paths within the event."""

    index: int
    code: str
    fields: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Classification:
    """The events of one request by result; both lists are in the order of the request."""

    accepted: list[Accepted]
    rejected: list[Rejection]


def classify(items: Iterable[Item], now: datetime, admit: Admit) -> Classification:
    """Return the events to publish, and the reasons for refusing the others.

    `now` is the time of arrival, which bounds the events' timestamps.
    """
    found = Classification([], [])
    for item in items:
        try:
            found.accepted.append(admit(item.body, now))
        except EventRejected as refused:
            missing = refused.code == MISSING_IDENTITY
            fields = ("event_id", "source") if missing else (refused.field,)
            found.rejected.append(Rejection(item.index, refused.code, fields, refused.detail))
    return found


def admit_metric(body: bytes, now: datetime, lateness: timedelta) -> MetricEvent:
    """Return the event; raise EventRejected where it is wrong, has unknown fields or is late."""
    event = parse_metric_event(body, forbid_unknown=True)
    if identity_of(event) is None:
        raise EventRejected(
            "event_id",
            MISSING_IDENTITY,
            "send `event_id`, or at least `source` (the content is then the identity): without "
            "either, an event that is sent twice would be counted twice",
        )
    check_time(event.timestamp, now, lateness)
    return event


def admit_change(body: bytes, now: datetime) -> ChangeEvent:
    """Return the event; raise EventRejected where it is wrong or has unknown fields."""
    event = parse_change_event(body, forbid_unknown=True)
    check_change_time(event.at, now)
    return event
