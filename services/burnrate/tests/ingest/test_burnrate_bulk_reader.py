"""Whatever the fast reader takes is what the classify would have said of it; the rest is left."""

import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.bulk_reader import BulkReader
from burnrate.ingest.classifier import classify
from burnrate.ingest.columns import Columns, Counted, columns_of, joined
from common.admission.fields import APPEND_SLACK
from common.kafka.client import Record
from common.kafka.headers import FORWARDED_AT_HEADER, FORWARDED_FROM_HEADER
from common.kafka.topics import HISTORY, METRICS
from common.observability.logging import CORRELATION_HEADER
from tests.reference.records import APPENDED, RULES, SERVICE, event_json, millis, record
from tests.support.servers.effort import examples

LATENCY = {"bounds": [0.1, 0.5], "counts": [5, 3, 2]}
USUAL = event_json(event_id="e-1")


def read(records: list[Record]) -> tuple[Columns, SeriesIndex]:
    series = SeriesIndex([SERVICE])
    return BulkReader(series).read(records, RULES), series


def classified(records: list[Record], positions: list[int], series: SeriesIndex) -> Columns:
    """Return what the classify makes of some records; each must count."""
    found = [(i, classify(records[i], RULES)) for i in positions]
    counted = [(i, v) for i, v in found if isinstance(v, Counted)]
    assert len(counted) == len(positions)
    return columns_of(counted, series)


def assert_same(found: Columns, expected: Columns) -> None:
    for field in fields(Columns):
        left, right = getattr(found, field.name), getattr(expected, field.name)
        if field.name == "latency":
            assert found.histograms() == expected.histograms()
        else:
            assert left.tolist() == right.tolist(), field.name


def test_a_usual_batch_is_taken_whole() -> None:
    records = [
        record(event_json(event_id=f"e-{i}", total=10 + i, window_seconds=10 + i), offset=i)
        for i in range(50)
    ]
    found, series = read(records)
    assert len(found) == 50
    assert_same(found, classified(records, list(range(50)), series))


TAKEN = {
    "no source": event_json(event_id="e", source=None),
    "latency": event_json(event_id="e", latency=LATENCY),
    "attributes": event_json(event_id="e", attributes={"version": "1.42.0", "a": "b"}),
    "empty attributes": event_json(event_id="e", attributes={}),
    "both": event_json(event_id="e", attributes={"v": "1"}, latency=LATENCY),
    "unknown field": event_json(event_id="e", p99=0.3, nested={"a": [1, {"b": None}]}),
    "offset": event_json(event_id="e", timestamp="2026-03-01T13:00:00+01:00"),
    "an indicator": event_json(event_id="e", indicator="payments"),
    "the default indicator": event_json(event_id="e", indicator="default"),
    "zero": event_json(event_id="e", total=0, bad=0),
    "the most": event_json(event_id="e", total=2**53 - 1, bad=2**53 - 1),
    "null latency": USUAL[:-1] + b', "latency": null}',
    "twice the same field": USUAL[:-1] + b', "total": 99}',
}


@pytest.mark.parametrize("value", TAKEN.values(), ids=TAKEN)
def test_what_is_usual_is_taken_as_the_judge_would(value: bytes) -> None:
    records = [record(value)]
    found, series = read(records)
    assert found.position.tolist() == [0]
    assert_same(found, classified(records, [0], series))


LEFT: dict[str, Record] = {
    "null": record(None),
    "no json": record(b"{"),
    "no id": record(event_json()),
    "empty id": record(event_json(event_id="")),
    "good": record(event_json(event_id="e", bad=None, good=9)),
    "float": record(event_json(event_id="e", total=10.5)),
    "bad above total": record(event_json(event_id="e", bad=11)),
    "huge": record(event_json(event_id="e", total=2**53)),
    "larger than 64 bits": record(event_json(event_id="e", total=2**70)),
    "negative": record(event_json(event_id="e", bad=-1)),
    "NaN": record(USUAL.replace(b'"total": 10', b'"total": NaN')),
    "long window": record(event_json(event_id="e", window_seconds=3601)),
    "naive": record(event_json(event_id="e", timestamp="2026-03-01T12:00:00")),
    "no timestamp": record(event_json(event_id="e", timestamp="soon")),
    "too old": record(event_json(event_id="e", timestamp="2026-02-28T11:54:59Z")),
    "future": record(event_json(event_id="e", timestamp="2026-03-01T12:05:01Z")),
    "long id": record(event_json(event_id="e" * 300)),
    "escaped id": record(event_json(event_id="e\n")),
    "DEL": record(event_json(event_id="e\x7f")),
    "not ASCII": record('{"source":"caf\u00e9",'.encode() + USUAL[1:]),
    "not UTF-8": record(b'{"x":"\xff",' + USUAL[1:]),
    "new service": record(event_json(event_id="e", service="search")),
    "reserved": record(event_json(event_id="e", service="heatmap")),
    "indicator of another form": record(event_json(event_id="e", indicator="Payments")),
    "empty indicator": record(event_json(event_id="e", indicator="")),
    "stream in place of a service": record(event_json(event_id="e", service=f"{SERVICE}/payments")),
    "indicator with a separator": record(event_json(event_id="e", indicator="a/b")),
    "latency mismatch": record(event_json(event_id="e", total=11, latency=LATENCY)),
    "percentiles": record(event_json(event_id="e", latency={"p99": 0.3})),
    "null attributes": record(USUAL[:-1] + b', "attributes": null}'),
    "long attribute": record(event_json(event_id="e", attributes={"a": "b" * 2000})),
    "too large": record(event_json(event_id="e", x="y" * 70_000)),
    "too deep": record(USUAL[:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "history": record(USUAL, topic=HISTORY.name),
    "forwarded": record(USUAL, [(FORWARDED_FROM_HEADER, b"1:2")]),
    "carried time": record(USUAL, [(FORWARDED_AT_HEADER, b"1000")]),
}


@pytest.mark.parametrize("at_once", [1, 2, 2048])
@pytest.mark.parametrize("odd", LEFT.values(), ids=LEFT)
def test_what_is_not_usual_is_left_and_costs_its_neighbours_nothing(
    odd: Record, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnrate.ingest.bulk_reader._AT_ONCE", at_once)
    good = [record(event_json(event_id=str(i))) for i in range(3)]
    records = [good[0], odd, good[1], odd, good[2]]
    found, series = read(records)
    assert found.position.tolist() == [0, 2, 4]
    assert_same(found, classified(records, [0, 2, 4], series))


def test_parts_of_a_batch_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some with histograms, some without, some left to the classify, in the order they came."""
    monkeypatch.setattr("burnrate.ingest.bulk_reader._AT_ONCE", 2)
    values = [*TAKEN.values(), event_json(), *TAKEN.values(), b"{", event_json(source="z")]
    records = [record(value, offset=i) for i, value in enumerate(values)]
    found, series = read(records)
    n = len(TAKEN)
    usual = [*range(n), *range(n + 1, 2 * n + 1)]
    assert found.position.tolist() == usual
    assert_same(found, classified(records, usual, series))
    others = [n, 2 * n + 2]
    whole = joined([found, classified(records, others, series)])
    assert_same(whole, classified(records, sorted(usual + others), series))


def test_other_headers_are_no_hindrance() -> None:
    headers = [(CORRELATION_HEADER, b"\xff"), ("traceparent", None), ("x", b"")]
    assert len(read([record(USUAL, headers)])[0]) == 1


@pytest.mark.parametrize(
    ("milliseconds", "count"), [(0, 1), (-1, 0)], ids=["at the bound", "after it"]
)
def test_the_bounds_of_time_are_those_of_the_judge(milliseconds: int, count: int) -> None:
    step = timedelta(milliseconds=milliseconds)
    for edge in (
        APPENDED - RULES.lateness - APPEND_SLACK + step,
        APPENDED + timedelta(minutes=5) - step,
    ):
        one = record(event_json(event_id="e", timestamp=edge.isoformat()))
        assert len(read([one])[0]) == count
        assert isinstance(classify(one, RULES), Counted) == bool(count)


json_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["cart", SERVICE, "2026-03-01T11:59:00Z", "2026-03-01T12:00:00.1234567Z"]),
    st.just(LATENCY),
    st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
)
NUMBERS = ("window_seconds", "total", "bad", "good")
FIELDS = ("service", "source", "event_id", "timestamp", *NUMBERS, "latency", "attributes", "x")


@settings(max_examples=examples(300))
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=3), max_size=5))
def test_no_event_is_taken_that_the_judge_sees_otherwise(changes: list[dict[str, Any]]) -> None:
    values = [json.dumps(json.loads(USUAL) | change).encode() for change in changes]
    records = [record(value, offset=i) for i, value in enumerate(values)]
    found, series = read(records)
    assert_same(found, classified(records, found.position.tolist(), series))


def test_sources_and_timestamps_are_forgotten_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("burnrate.ingest.bulk_reader._CACHED", 2)
    series = SeriesIndex([SERVICE])
    reader = BulkReader(series)
    for round_number in range(4):
        times = [APPENDED - timedelta(seconds=10 * round_number + i) for i in range(3)]
        records = [
            record(
                event_json(event_id=str(i), source=f"s{i * round_number}", timestamp=at.isoformat())
            )
            for i, at in enumerate(times)
        ]
        found = reader.read(records, RULES)
        assert_same(found, classified(records, [0, 1, 2], series))


def test_append_times_are_those_of_the_records() -> None:
    records = [
        record(event_json(event_id=str(i)), appended_at=APPENDED + timedelta(milliseconds=i))
        for i in range(3)
    ]
    assert all(r.topic == METRICS.name for r in records)
    found, _ = read(records)
    assert found.appended_micros.tolist() == [1000 * millis(APPENDED) + 1000 * i for i in range(3)]
    assert not np.any(found.misrouted | found.anonymous)
