"""What counts as a metric event, what is refused and why, and when two events are the same."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.admission.identity import content_of, identity_of
from common.admission.metric_events import (
    HISTORY_AGE,
    MAX_EVENT_BYTES,
    EventRejected,
    check_time,
    parse_metric_event,
)
from common.events import Latency, MetricEvent, encode

GOOD: dict[str, Any] = {
    "service": "checkout",
    "source": "edge",
    "event_id": "e-1",
    "timestamp": "2026-11-23T06:40:00Z",
    "window_seconds": 60,
    "total": 10,
    "bad": 1,
    "latency": {"bounds": [0.1, 0.5], "counts": [5, 3, 2]},
    "attributes": {"version": "1.42.0"},
}
GONE = ...  # stands in the ids of tests, which are equal in every process


def body(**changes: Any) -> bytes:
    """The good event with some fields changed, or left out where they are GONE."""
    event = {name: value for name, value in {**GOOD, **changes}.items() if value is not GONE}
    return json.dumps(event).encode()


def latency(bounds: Any, counts: Any) -> dict[str, Any]:
    return {"bounds": bounds, "counts": counts}


def refused(content: bytes | None, *, forbid_unknown: bool = False) -> tuple[str, str]:
    with pytest.raises(EventRejected) as error:
        parse_metric_event(content, forbid_unknown=forbid_unknown)
    assert error.value.detail
    return error.value.code, error.value.field


BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"bad": 11}, "bad_exceeds_total", "bad"),
    ({"bad": GONE, "good": 11}, "good_exceeds_total", "good"),
    ({"good": 9}, "good_and_bad", "good"),
    ({"bad": GONE}, "missing_field", "bad"),
    ({"total": -1}, "count_out_of_range", "total"),
    ({"bad": -1}, "count_out_of_range", "bad"),
    ({"bad": GONE, "good": -1}, "count_out_of_range", "good"),
    ({"total": 10.5}, "invalid_count", "total"),
    ({"bad": 0.5}, "invalid_count", "bad"),
    ({"total": 2**53}, "count_out_of_range", "total"),
    ({"total": 10**30}, "count_out_of_range", "total"),
    ({"total": 1e300}, "count_out_of_range", "total"),
    ({"total": float("nan")}, "not_a_number", "total"),
    ({"bad": float("-inf")}, "not_a_number", "bad"),
    ({"latency": latency([0.1, float("nan")], [5, 3, 2])}, "not_a_number", "latency.bounds[1]"),
    ({"total": "10"}, "invalid_type", "total"),
    ({"total": True}, "invalid_type", "total"),
    ({"latency": {"p50": 0.1, "p99": 0.9}}, "percentiles_refused", "latency"),
    ({"latency": {"p99.9": 0.9}}, "percentiles_refused", "latency"),
    ({"latency": {"percentiles": {}}}, "percentiles_refused", "latency"),
    ({"latency": {"avg": 0.2}}, "percentiles_refused", "latency"),
    ({"latency": latency([0.5, 0.1], [5, 3, 2])}, "invalid_latency_bounds", "latency.bounds"),
    ({"latency": latency([0.1, 0.1], [5, 3, 2])}, "invalid_latency_bounds", "latency.bounds"),
    ({"latency": latency([0, 0.1], [5, 3, 2])}, "invalid_latency_bounds", "latency.bounds"),
    ({"latency": latency([-1.0, 0.1], [5, 3, 2])}, "invalid_latency_bounds", "latency.bounds"),
    ({"latency": latency([], [10])}, "invalid_latency_bounds", "latency.bounds"),
    (
        {"latency": latency([*range(1, 66)], [10] + [0] * 65)},
        "invalid_latency_bounds",
        "latency.bounds",
    ),
    ({"latency": latency([0.1, 0.5], [5, 5])}, "latency_counts_mismatch", "latency.counts"),
    ({"latency": latency([0.1, 0.5], [5, 8, 10])}, "latency_counts_mismatch", "latency.counts"),
    ({"latency": latency([0.1, 0.5], [5, 3, 1])}, "latency_counts_mismatch", "latency.counts"),
    ({"latency": latency([0.1, 0.5], [5, 6, -1])}, "count_out_of_range", "latency.counts[2]"),
    ({"latency": latency([0.1, 0.5], [5, 2.5, 2])}, "invalid_count", "latency.counts[1]"),
    ({"latency": {"bounds": [0.1]}}, "missing_field", "latency.counts"),
    ({"timestamp": GONE}, "missing_field", "timestamp"),
    ({"timestamp": "2026-11-23T06:40:00"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "2026-11-23"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": 1_795_416_000}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "2026-13-01T00:00:00Z"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "9999-12-31T23:59:59-14:00"}, "invalid_timestamp", "timestamp"),
    ({"service": GONE}, "missing_field", "service"),
    ({"service": ""}, "invalid_service_name", "service"),
    ({"service": "Checkout"}, "invalid_service_name", "service"),
    ({"service": ".checkout"}, "invalid_service_name", "service"),
    ({"service": "check out"}, "invalid_service_name", "service"),
    ({"service": "checkout\n"}, "invalid_service_name", "service"),
    ({"service": "a" * 64}, "invalid_service_name", "service"),
    ({"service": "heatmap"}, "reserved_service_name", "service"),
    ({"service": "targets"}, "reserved_service_name", "service"),
    ({"service": "compute"}, "reserved_service_name", "service"),
    ({"source": "s" * 129}, "too_long", "source"),
    ({"event_id": "e" * 129}, "too_long", "event_id"),
    ({"event_id": "a\0b"}, "control_character", "event_id"),
    ({"window_seconds": 0}, "invalid_window", "window_seconds"),
    ({"window_seconds": 3601}, "invalid_window", "window_seconds"),
    ({"window_seconds": 0.5}, "invalid_window", "window_seconds"),
    ({"attributes": {"version": 3}}, "invalid_type", "attributes[...]"),
    ({"attributes": None}, "invalid_type", "attributes"),
    ({"attributes": {str(n): "" for n in range(17)}}, "too_many_attributes", "attributes"),
    ({"attributes": {"k" * 65: ""}}, "too_long", "attributes." + "k" * 64),
    ({"attributes": {"k": "v" * 257}}, "too_long", "attributes.k"),
]


@pytest.mark.parametrize(("changes", "code", "field"), BAD_FIELDS, ids=str)
@pytest.mark.parametrize("forbid_unknown", [False, True])
def test_a_bad_field_is_refused_by_name(
    changes: dict[str, Any], code: str, field: str, *, forbid_unknown: bool
) -> None:
    assert refused(body(**changes), forbid_unknown=forbid_unknown) == (code, field)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "null_value"),
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_type"),
        (b"null", "invalid_type"),
        (b'{"service":"\xff"}', "invalid_utf8"),
        ('{"service":"checkout"}'.encode("utf-16"), "invalid_utf8"),
        (body() + b" " * MAX_EVENT_BYTES, "event_too_large"),
    ],
)
def test_a_body_that_is_no_event_is_refused(content: bytes | None, code: str) -> None:
    assert refused(content) == (code, "body")


def test_a_body_of_the_largest_size_is_taken() -> None:
    padded = body() + b" " * (MAX_EVENT_BYTES - len(body()))
    assert parse_metric_event(padded) == parse_metric_event(body())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"p99": 0.3}, "p99"),
        ({"latency": {**GOOD["latency"], "unit": "s"}}, "latency.unit"),
        ({"x" * 5_000: 1}, "x" * 128),
    ],
)
def test_unknown_fields_are_ignored_or_refused(changes: dict[str, Any], field: str) -> None:
    assert parse_metric_event(body(**changes)) == parse_metric_event(body())
    assert refused(body(**changes), forbid_unknown=True) == ("unknown_field", field)


def test_what_is_admitted_is_canonical() -> None:
    event = parse_metric_event(
        body(timestamp="2026-11-23T08:40:00+02:00", total=10.0, bad=GONE, good=9)
    )
    assert event == MetricEvent(
        service="checkout",
        timestamp=datetime(2026, 11, 23, 6, 40, tzinfo=UTC),
        total=10,
        bad=1,
        source="edge",
        event_id="e-1",
        window_seconds=60,
        latency=Latency((0.1, 0.5), (5, 3, 2)),
        attributes={"version": "1.42.0"},
    )
    assert event.timestamp.tzinfo is UTC
    assert isinstance(event.total, int)


def test_defaults_of_a_minimal_event() -> None:
    gone = dict.fromkeys(("event_id", "window_seconds", "latency", "attributes"), GONE)
    event = parse_metric_event(body(**gone))
    assert (event.event_id, event.window_seconds, event.latency) == ("", 10, None)
    assert event.attributes == {}


@dataclass(frozen=True)
class Identity:
    """The key of an event, and the hash of its content."""

    key: bytes
    content: int


def identity(**changes: Any) -> Identity:
    event = parse_metric_event(body(**changes))
    key = identity_of(event)
    assert key is not None
    return Identity(key, content_of(event))


@pytest.mark.parametrize("event_id", ["e-1", GONE], ids=["named", "by content"])
def test_good_and_bad_are_the_same_event(event_id: object) -> None:
    assert identity(event_id=event_id) == identity(event_id=event_id, bad=GONE, good=9)
    assert identity(event_id=event_id) == identity(
        event_id=event_id, timestamp="2026-11-23T07:40:00+01:00", total=10.0
    )


@pytest.mark.parametrize("changes", [{"service": "cart"}, {"source": "b"}, {"event_id": "e-2"}])
def test_identity_depends_on_service_source_and_event_id(changes: dict[str, Any]) -> None:
    assert identity(**changes).key != identity().key
    assert identity(**changes).content == identity().content


CONTENT_CHANGES = [
    {"timestamp": "2026-11-23T06:40:00.000001Z"},
    {"window_seconds": 61},
    {"total": 11, "latency": latency([0.1, 0.5], [5, 3, 3])},
    {"bad": 2},
    {"latency": None},
    {"latency": latency([0.1, 0.6], [5, 3, 2])},
    {"latency": latency([0.1, 0.5], [5, 2, 3])},
    {"attributes": {"version": "1.42.1"}},
    {"attributes": {"release": "1.42.0"}},
    {"attributes": {}},
]


@pytest.mark.parametrize("changes", CONTENT_CHANGES, ids=str)
def test_content_hash_depends_on_each_content_field(changes: dict[str, Any]) -> None:
    assert identity(**changes).content != identity().content
    assert identity(**changes).key == identity().key  # the same id, other content: a conflict
    by_content = [identity(event_id=GONE, **c).key for c in ({}, changes)]
    assert by_content[0] != by_content[1]


def test_the_order_of_attributes_does_not_matter() -> None:
    one, other = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    assert identity(attributes=one) == identity(attributes=other)


def test_identity_is_the_same_in_every_process_and_release() -> None:
    # stored marks are compared with it: a change here counts events of the last day twice
    assert identity().key.hex() == "6fd8f2a8333bd8a011a010355a63d29e"
    assert identity().content == 3126358183
    assert identity(event_id=GONE).key.hex() == "6952b2fb7655d8e5cea7f7cdf19b7812"


def test_an_event_without_source_is_known_by_its_id_alone() -> None:
    assert identity(source=GONE).key not in {identity().key, identity(event_id=GONE).key}
    assert identity_of(parse_metric_event(body(source=GONE, event_id=GONE))) is None


NOW = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(hours=24)


@pytest.mark.parametrize("lateness", [DAY, HISTORY_AGE, timedelta(minutes=30)])
def test_the_edges_of_time_are_inclusive(lateness: timedelta) -> None:
    for timestamp in (NOW, NOW + timedelta(minutes=5), NOW - lateness):
        check_time(timestamp, NOW, lateness)
    for timestamp, code in (
        (NOW + timedelta(minutes=5) + TICK, "timestamp_in_future"),
        (NOW - lateness - TICK, "timestamp_too_old"),
    ):
        with pytest.raises(EventRejected) as error:
            check_time(timestamp, NOW, lateness)
        assert (error.value.code, error.value.field) == (code, "timestamp")


@pytest.mark.parametrize(
    ("lateness", "said"),
    [(DAY, "24 hours before its arrival; send older history"), (HISTORY_AGE, "90 days")],
)
def test_too_old_says_how_old_and_what_to_do(lateness: timedelta, said: str) -> None:
    with pytest.raises(EventRejected, match=said):
        check_time(NOW - lateness - TICK, NOW, lateness)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=6), inside),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "good", "x"]), json_values, max_size=3))
def test_mutated_events_are_admitted_or_refused(changes: dict[str, Any]) -> None:
    try:
        event = parse_metric_event(body(**changes))
    except EventRejected as error:
        code, field = error.code, error.field
    else:
        code, field = "", ""
        assert parse_metric_event(encode(event), forbid_unknown=True) == event
        assert msgspec.json.decode(encode(event), type=MetricEvent) == event
    assert bool(code) == bool(field)


@given(st.integers(0, 10**6), st.data())
def test_flipped_and_cut_bytes_raise_nothing_else(at: int, data: st.DataObject) -> None:
    content = bytearray(body())
    content[at % len(content)] = data.draw(st.integers(0, 255))
    for changed in (bytes(content), bytes(content[: at % len(content)])):
        for forbid_unknown in (False, True):
            try:
                event = parse_metric_event(changed, forbid_unknown=forbid_unknown)
            except EventRejected:
                continue
            assert event.bad is not None
            assert 0 <= event.bad <= event.total
