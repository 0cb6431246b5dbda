"""Classifies the events of a request one by one: accepted, or rejected with a reason. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.admission.change_events import check_change_time, parse_change_event
from common.admission.identity import identity_of
from common.admission.metric_events import EventRejected, check_time, parse_metric_event
from common.events import ChangeEvent, MetricEvent

MISSING_IDENTITY = "missing_identity"

Accepted = MetricEvent | ChangeEvent
Admit = Callable[[bytes, datetime], Accepted]
"""Returns the event of a body that arrived at an instant; raises EventRejected."""


class TooManyNewNames(EventRejected):
    """The event's service is new, and its sender has brought as many as it may for now."""

    def __init__(self, service: str, sender: str, wait_seconds: int) -> None:
        super().__init__(
            "service",
            "too_many_new_services",
            f"`{service}` is new, and {sender} has brought as many new services as it may; send "
            f"it again in {wait_seconds} s, send fewer names, or raise "
            "INGEST_NEW_SERVICES_PER_HOUR and INGEST_NEW_SERVICES_BURST",
        )
        self.wait_seconds = wait_seconds


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
    wait_seconds: int = 0
    """After which the same event may be taken; 0: never."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The events of one request by result; both lists are in the order of the request."""

    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    def add(self, item: Item, now: datetime, admit: Admit) -> None:
        """Accept an event, or note the reason for refusing it.

        `now` is the time of arrival, which bounds the events' timestamps.
        """
        try:
            self.accepted.append(admit(item.body, now))
        except EventRejected as refused:
            missing = refused.code == MISSING_IDENTITY
            fields = ("event_id", "source") if missing else (refused.field,)
            wait_seconds = refused.wait_seconds if isinstance(refused, TooManyNewNames) else 0
            self.rejected.append(
                Rejection(item.index, refused.code, fields, refused.detail, wait_seconds)
            )


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


def check_count(event: Accepted, most: int) -> None:
    """Raise EventRejected where a report counts more than its sender may say at once.

    Of `bad` and of the buckets of a latency there are never more than of `total`.
    """
    if isinstance(event, MetricEvent) and event.total > most:
        raise EventRejected(
            "total",
            "count_too_large",
            f"is {event.total}, and one report of this key may count {most}; send shorter reports, "
            "or raise `max_count_per_report` of the key (INGEST_MAX_COUNT_PER_REPORT for all)",
        )


def admit_change(body: bytes, now: datetime) -> ChangeEvent:
    """Return the event; raise EventRejected where it is wrong or has unknown fields."""
    event = parse_change_event(body, forbid_unknown=True)
    check_change_time(event.at, now)
    return event
