"""Every record on the input topics is an event or a dead letter with a code; none stops us."""

import base64
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from burnrate.ingest.classifier import Rules, classify
from burnrate.ingest.columns import Counted
from common.admission.fields import APPEND_SLACK
from common.events import DeadLetter, encode
from common.kafka.topics import METRICS
from common.storage.dead_letters import DeadRecord
from tests.reference.records import APPENDED, HOME, RULES, SERVICE, event_json, record

NO_BAD = event_json(bad=None)
LIMIT = 2**53


def counted(value: bytes | None, rules: Rules = RULES, **fields: Any) -> Counted:
    found = classify(record(value, **fields), rules)
    assert isinstance(found, Counted), found
    return found


def letter(value: bytes | None, rules: Rules = RULES, **fields: Any) -> DeadLetter:
    found = classify(record(value, **fields), rules)
    assert isinstance(found, DeadRecord), found
    return found.letter


def latency(bounds: list[Any], counts: list[Any]) -> bytes:
    return event_json(latency={"bounds": bounds, "counts": counts})


POISON = [
    (None, "null_value", "body"),
    (b"", "invalid_json", "body"),
    (b"{", "invalid_json", "body"),
    (b"\xff{}", "invalid_utf8", "body"),
    (event_json(source="\xe9").replace(b"\\u00e9", b"\xe9"), "invalid_utf8", "body"),
    (b"[]", "invalid_type", "body"),
    (b"null", "invalid_type", "body"),
    (b" " * 65_537, "event_too_large", "body"),
    (event_json(total=float("nan")), "not_a_number", "total"),
    (event_json(bad=float("inf")), "not_a_number", "bad"),
    (event_json(total=None), "missing_field", "total"),
    (event_json(service=None), "missing_field", "service"),
    (NO_BAD, "missing_field", "bad"),
    (event_json(good=9), "good_and_bad", "good"),
    (event_json(bad=11), "bad_exceeds_total", "bad"),
    (event_json(bad=None, good=11), "good_exceeds_total", "good"),
    (event_json(total=-1), "count_out_of_range", "total"),
    (event_json(bad=-1), "count_out_of_range", "bad"),
    (event_json(bad=0.5), "invalid_count", "bad"),
    (event_json(total=LIMIT), "count_out_of_range", "total"),
    (event_json(total=10**30), "count_out_of_range", "total"),
    (event_json(total="10"), "invalid_type", "total"),
    (event_json(window_seconds=0), "invalid_window", "window_seconds"),
    (event_json(window_seconds=3601), "invalid_window", "window_seconds"),
    (event_json(window_seconds=1.5), "invalid_window", "window_seconds"),
    (event_json(timestamp="2026-03-01T12:00:00"), "invalid_timestamp", "timestamp"),
    (event_json(timestamp="yesterday"), "invalid_timestamp", "timestamp"),
    (event_json(timestamp="0001-01-01T00:00:00+14:00"), "invalid_timestamp", "timestamp"),
    (event_json(timestamp="0001-01-01T00:00:00Z"), "timestamp_too_old", "timestamp"),
    (event_json(timestamp="9999-12-31T23:59:59Z"), "timestamp_in_future", "timestamp"),
    (event_json(service="Checkout"), "invalid_service_name", "service"),
    (event_json(service=""), "invalid_service_name", "service"),
    (event_json(service="checkout\n"), "invalid_service_name", "service"),
    (event_json(service="a" * 64), "invalid_service_name", "service"),
    (event_json(service="../cart"), "invalid_service_name", "service"),
    (event_json(service="heatmap"), "reserved_service_name", "service"),
    (event_json(service="targets"), "reserved_service_name", "service"),
    (event_json(service="compute"), "reserved_service_name", "service"),
    (event_json(source="x" * 129), "too_long", "source"),
    (event_json(event_id="a\0b"), "control_character", "event_id"),
    (event_json(attributes={"a": "\0"}), "control_character", "attributes.a"),
    (event_json(latency={"p50": 0.1, "p99": 0.9}), "percentiles_refused", "latency"),
    (latency([], [10]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0.5, 0.1], [1, 2, 7]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0.1, 0.1], [1, 2, 7]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0, 0.1], [1, 2, 7]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0.1], [10]), "latency_counts_mismatch", "latency.counts"),
    (latency([0.1, 0.5], [1, 2, 8]), "latency_counts_mismatch", "latency.counts"),
    (latency([0.1, 0.5], [1, 3, 10]), "latency_counts_mismatch", "latency.counts"),
    (latency([0.1], [11, -1]), "count_out_of_range", "latency.counts[1]"),
    (latency([0.1], [9.5, 0.5]), "invalid_count", "latency.counts[0]"),
]


@pytest.mark.parametrize(("value", "code", "field"), POISON)
def test_wrong_content_is_a_dead_letter_that_names_the_field(
    value: bytes | None, code: str, field: str
) -> None:
    found = letter(value, offset=42, headers=[("correlation_id", b"abc")])
    assert (found.code, found.field) == (code, field)
    assert found.detail
    assert (found.topic, found.partition, found.offset) == (METRICS.name, HOME, 42)
    assert (found.appended_at, found.correlation_id) == (APPENDED, "abc")
    assert base64.b64decode(found.key or "") == SERVICE.encode()
    assert found.value == (None if value is None else base64.b64encode(value).decode())
    assert msgspec.json.decode(encode(found), type=DeadLetter) == found


def test_a_good_event_counts_with_all_that_it_says() -> None:
    found = counted(
        event_json(
            event_id="1",
            window_seconds=60,
            latency={"bounds": [0.1, 0.5], "counts": [7, 2, 1]},
            attributes={"version": "1.42.0"},
        )
    )
    event = found.event
    assert (event.service, event.total, event.bad, event.window_seconds) == (SERVICE, 10, 1, 60)
    assert event.latency is not None
    assert (event.latency.bounds, event.latency.counts) == ((0.1, 0.5), (7, 2, 1))
    assert (found.appended_at, found.stream, found.line) == (APPENDED, None, 0)
    assert (found.anonymous, found.misrouted) == (False, False)


@pytest.mark.parametrize(
    "same",
    [
        event_json(bad=None, good=9),
        event_json(total=10.0, bad=1.0),
        event_json(timestamp="2026-03-01T13:00:00+01:00"),
        event_json(unknown={"p99": 1}, good=None, more=[1, "2"]),
        event_json(window_seconds=10, attributes={}),
    ],
)
def test_other_spellings_and_unknown_fields_make_the_same_event(same: bytes) -> None:
    plain, other = counted(event_json()), counted(same)
    assert other.event == plain.event
    assert other.identity == plain.identity


@pytest.mark.parametrize("total", [0, 1, LIMIT - 1])
def test_counts_up_to_the_limit_are_exact(total: int) -> None:
    event = counted(event_json(total=total, bad=total)).event
    assert (event.total, event.bad) == (total, total)


def test_an_event_without_id_and_source_counts_without_an_identity() -> None:
    found = counted(event_json(source=None))
    assert (found.identity, found.anonymous) == (None, True)
    for named in (event_json(), event_json(source=None, event_id="1")):
        assert counted(named).identity is not None
        assert not counted(named).anonymous


@pytest.mark.parametrize("lateness", [timedelta(hours=24), timedelta(hours=1)])
@pytest.mark.parametrize("code", ["timestamp_too_old", "timestamp_in_future"])
def test_the_time_limits_include_their_edge(lateness: timedelta, code: str) -> None:
    rules = Rules(HOME, RULES.shards, lateness)
    beyond = timedelta(microseconds=1)
    edge = -lateness - APPEND_SLACK if code == "timestamp_too_old" else timedelta(minutes=5)
    at = APPENDED + edge
    assert counted(event_json(timestamp=at.isoformat()), rules).event.timestamp == at
    out = at - beyond if code == "timestamp_too_old" else at + beyond
    assert letter(event_json(timestamp=out.isoformat()), rules).code == code


def test_the_verdict_follows_the_append_time_and_no_clock() -> None:
    """A replay after years gives the same found; the same bytes appended later do not."""
    value = event_json()
    edge = APPENDED + timedelta(hours=24) + APPEND_SLACK
    for appended_at in (APPENDED, edge):
        assert counted(value, appended_at=appended_at).appended_at == appended_at
    late = letter(value, appended_at=edge + timedelta(milliseconds=1))
    assert (late.code, late.appended_at.microsecond) == ("timestamp_too_old", 1000)
    early = APPENDED - timedelta(minutes=5, milliseconds=1)
    assert letter(value, appended_at=early).code == "timestamp_in_future"


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"other"])
def test_the_key_decides_nothing(key: bytes | None) -> None:
    assert counted(event_json(), key=key).event.service == SERVICE
    assert letter(NO_BAD, key=key).key == (None if key is None else base64.b64encode(key).decode())


def test_a_huge_record_makes_a_letter_that_a_broker_takes() -> None:
    huge = b"x" * 1_000_000
    found = letter(huge, key=huge[:40_000], headers=[("correlation_id", huge)])
    assert (found.code, found.value_bytes) == ("event_too_large", 1_000_000)
    assert huge.startswith(base64.b64decode(found.value or "!"))
    assert len(encode(found)) < 500_000
