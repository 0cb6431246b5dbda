"""What ingest takes, no consumer refuses: one answer for one event, whoever asks and when."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from burnrate.ingest.classifier import Rules, classify
from burnrate.ingest.columns import Counted
from common.admission.fields import APPEND_SLACK
from common.admission.metric_events import HISTORY_AGE
from common.kafka.sharding import shard_of
from common.kafka.topics import CHANGES, METRICS
from gate.storage.repository import IdentifiedChange
from gate.work import classify as classify_change
from ingest.domain import Admit, Classification, Item, admit_change, admit_metric
from tests.support.kafka_records import record

ARRIVED = datetime(2026, 11, 23, 6, 40, 30, 250_000, tzinfo=UTC)
LATENESS = timedelta(hours=24)
RULES = Rules(shard_of("checkout", 4), 4, LATENESS)
TICK = timedelta(microseconds=1)

ages = st.timedeltas(-timedelta(minutes=6), LATENESS + timedelta(minutes=1))
change_ages = st.timedeltas(-timedelta(minutes=6), HISTORY_AGE + timedelta(minutes=1))
delays = st.timedeltas(timedelta(), APPEND_SLACK)


def milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def admitted(body: bytes, admit: Admit) -> bool:
    found = Classification()
    found.add(Item(0, body), ARRIVED, admit)
    return bool(found.accepted)


@given(ages, delays)
@example(LATENESS, timedelta(seconds=0.25))
@example(LATENESS, APPEND_SLACK)
@example(-timedelta(minutes=5), timedelta())
def test_a_metric_event_that_is_taken_over_http_counts(age: timedelta, delay: timedelta) -> None:
    event = {"service": "checkout", "source": "s", "timestamp": ARRIVED - age, "total": 1, "bad": 0}
    body = msgspec.json.encode(event)
    is_taken = admitted(body, lambda b, now: admit_metric(b, now, LATENESS))
    appended = milliseconds(ARRIVED + delay)
    found = classify(record(METRICS.name, body, partition=RULES.shard, timestamp=appended), RULES)
    assert isinstance(found, Counted) or not is_taken


@given(change_ages, delays)
@example(HISTORY_AGE, timedelta(seconds=0.15))
@example(HISTORY_AGE, APPEND_SLACK)
def test_a_change_that_is_taken_over_http_is_stored(age: timedelta, delay: timedelta) -> None:
    body = msgspec.json.encode({"service": "checkout", "at": ARRIVED - age, "kind": "deploy"})
    is_taken = admitted(body, admit_change)
    appended = milliseconds(ARRIVED + delay)
    found = classify_change(record(CHANGES.name, body, timestamp=appended))
    assert isinstance(found, IdentifiedChange) or not is_taken
