"""What counts as a change event, what is refused and why, and when two of them are the same."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.admission.change_events import (
    KINDS,
    check_change_time,
    identity_of_change,
    parse_change_event,
)
from common.admission.decoding import EventRejected
from common.admission.metric_events import HISTORY_AGE
from common.events import ChangeEvent, encode

GOOD: dict[str, Any] = {
    "service": "checkout",
    "at": "2026-11-23T08:40:00+02:00",
    "kind": "deploy",
    "version": "1.42.0",
    "actor": "ana",
    "url": "https://ci.example/8812",
    "note": "the new basket",
    "source": "pipeline",
    "event_id": "8812",
}
ARRIVAL = datetime(2026, 11, 23, 6, 41, tzinfo=UTC)


def body(**changes: Any) -> bytes:
    """The good event with some fields changed, or left out where they are None."""
    event = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return json.dumps(event).encode()


def change(**changes: Any) -> ChangeEvent:
    return parse_change_event(body(**changes))


def test_an_event_is_read_in_full_and_in_utc() -> None:
    event = change()
    assert event.at == datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
    assert event.at.utcoffset() == timedelta(0)
    expected = {**GOOD, "at": "2026-11-23T06:40:00Z"}
    assert json.loads(encode(event)) == expected
    assert msgspec.json.decode(encode(event), type=ChangeEvent) == event


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"service": None}, "missing_field", "service"),
    ({"service": "Checkout"}, "invalid_service_name", "service"),
    ({"service": "heatmap"}, "reserved_service_name", "service"),
    ({"at": None}, "missing_field", "at"),
    ({"at": "2026-11-23T06:40:00"}, "invalid_timestamp", "at"),
    ({"at": "0001-01-01T00:00:00+14:00"}, "invalid_timestamp", "at"),
    ({"kind": None}, "missing_field", "kind"),
    ({"kind": "Deploy"}, "invalid_kind", "kind"),
    ({"kind": 3}, "invalid_type", "kind"),
    ({"version": "v" * 129}, "too_long", "version"),
    ({"actor": "a\nb"}, "control_character", "actor"),
    ({"note": "n" * 513}, "too_long", "note"),
    ({"note": "a\0"}, "control_character", "note"),
    ({"kind": "note", "note": None}, "missing_field", "note"),
    ({"kind": "note", "note": "  "}, "missing_field", "note"),
    ({"url": "javascript:alert(1)"}, "invalid_url", "url"),
    ({"url": "http://a b"}, "invalid_url", "url"),
    ({"url": "https://" + "a" * 512}, "too_long", "url"),
    ({"source": "s" * 129}, "too_long", "source"),
    ({"event_id": "e\x7f"}, "control_character", "event_id"),
]


@pytest.mark.parametrize(("changes", "code", "field"), WRONG)
def test_what_is_wrong_is_named(changes: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(EventRejected) as error:
        change(**changes)
    assert (error.value.code, error.value.field) == (code, field)
    assert error.value.detail


def test_unknown_fields_are_ignored_on_the_topic_and_refused_where_asked() -> None:
    assert parse_change_event(body(team="payments")) == change()
    with pytest.raises(EventRejected) as error:
        parse_change_event(body(team="payments"), forbid_unknown=True)
    assert (error.value.code, error.value.field) == ("unknown_field", "team")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_taken(kind: str) -> None:
    assert change(kind=kind).kind == kind


@pytest.mark.parametrize(
    ("before_arrival", "code"),
    [
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, microseconds=-1), "timestamp_in_future"),
        (HISTORY_AGE, None),
        (HISTORY_AGE + timedelta(microseconds=1), "timestamp_too_old"),
    ],
)
def test_the_instant_is_held_against_the_arrival(
    before_arrival: timedelta, code: str | None
) -> None:
    if code is None:
        check_change_time(ARRIVAL - before_arrival, ARRIVAL)
        return
    with pytest.raises(EventRejected) as error:
        check_change_time(ARRIVAL - before_arrival, ARRIVAL)
    assert (error.value.code, error.value.field) == (code, "at")


def test_an_id_makes_the_identity_whatever_the_content() -> None:
    own = identity_of_change(change())
    assert identity_of_change(change(note="told otherwise", at="2026-11-23T06:39:00Z")) == own
    others = [{"service": "cart"}, {"source": "other"}, {"event_id": "8813"}]
    assert len({own, *(identity_of_change(change(**other)) for other in others)}) == 4


def test_without_an_id_the_content_is_the_identity() -> None:
    own = identity_of_change(change(event_id=None))
    assert identity_of_change(change(event_id=None, at="2026-11-23T06:40:00Z")) == own
    fields = ("version", "actor", "note", "source", "kind")
    altered = [identity_of_change(change(event_id=None, **{f: "other"})) for f in fields]
    assert len({own, *altered}) == len(fields) + 1


@given(st.binary(max_size=80) | st.text(max_size=40).map(str.encode))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    with pytest.raises(EventRejected):
        parse_change_event(content)


def test_a_record_without_a_value_is_refused() -> None:
    with pytest.raises(EventRejected) as error:
        parse_change_event(None)
    assert error.value.code == "null_value"
