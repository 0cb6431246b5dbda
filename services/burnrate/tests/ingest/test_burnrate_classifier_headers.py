"""Headers of history and of forwarded records, wrong ones too; nothing on Kafka makes us raise."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burnrate.ingest.classifier import Classification, Misrouted, Rules, classify, origin_of
from burnrate.ingest.columns import Counted
from common.admission.fields import APPEND_SLACK
from common.kafka.client import header
from common.kafka.headers import SENDER_HEADER
from common.kafka.sharding import shard_of
from common.kafka.topics import HISTORY, METRICS
from common.storage.dead_letters import DeadRecord
from tests.reference.records import (
    APPENDED,
    HOME,
    RULES,
    SERVICE,
    SHARDS,
    Headers,
    event_json,
    millis,
    record,
)
from tests.support.servers.effort import examples

ELSEWHERE = Rules((HOME + 1) % SHARDS, SHARDS, RULES.lateness)
OLD = event_json(timestamp=(APPENDED - timedelta(days=89)).isoformat())
IMPORT: Headers = (("import_id", b"file"), ("import_line", b"12"))


def history(headers: Headers, value: bytes = OLD) -> Classification:
    return classify(record(value, headers, topic=HISTORY.name), RULES)


def test_history_is_placed_by_import_and_line() -> None:
    found = history(IMPORT)
    assert isinstance(found, Counted)
    assert (found.stream, found.line) == (("file", ""), 12)
    anonymous = history(IMPORT, event_json(source=None))
    assert isinstance(anonymous, Counted)
    assert (anonymous.identity, anonymous.anonymous) == (None, False)


def test_history_reaches_back_as_far_as_the_longest_window() -> None:
    edge = APPENDED - timedelta(days=90) - APPEND_SLACK
    assert isinstance(history(IMPORT, event_json(timestamp=edge.isoformat())), Counted)
    out = edge - timedelta(microseconds=1)
    found = history(IMPORT, event_json(timestamp=out.isoformat()))
    assert isinstance(found, DeadRecord)
    assert found.letter.code == "timestamp_too_old"


@pytest.mark.parametrize(
    "import_id", [None, b"", b"\xff\xfe", b"a\0b", b"x" * 129, "é".encode("latin-1")]
)
def test_history_without_a_readable_import_id_is_refused(import_id: bytes | None) -> None:
    found = history((("import_id", import_id), ("import_line", b"1")))
    assert isinstance(found, DeadRecord)
    assert (found.letter.code, found.letter.field) == ("import_id_missing", "headers.import_id")


@pytest.mark.parametrize(
    ("sent", "sender"),
    [(b"key/1", "key/1"), (b"\xff", ""), (b"a\0b", "ab"), (b"x" * 999, "x" * 256)],
)
def test_who_brings_a_name_is_kept_as_a_database_can_hold_it(sent: bytes, sender: str) -> None:
    found = origin_of("edge", record(event_json(), headers=((SENDER_HEADER, sent),)))
    assert (found.source, found.sender) == ("edge", sender)


@pytest.mark.parametrize(
    "line",
    [
        *(None, b"", b"0", b"000", b"-1", b"1.0", b" 1", b"1e3", b"0x1", b"\xff"),
        *(b"9" * 19, b"9" * 5000, "٣".encode(), "²".encode()),
    ],
)
def test_history_without_a_line_above_0_is_refused(line: bytes | None) -> None:
    """A line of 0 would count as applied already, and be dropped without a word."""
    found = history((("import_id", b"file"), ("import_line", line)))
    assert isinstance(found, DeadRecord)
    assert (found.letter.code, found.letter.field) == ("import_line_invalid", "headers.import_line")


def test_the_largest_line_fits_its_column() -> None:
    found = history((("import_id", b"file"), ("import_line", b"9" * 18)))
    assert isinstance(found, Counted)
    assert found.line == 10**18 - 1 < 2**63


@pytest.mark.parametrize("headers", [(), IMPORT, (("x", None), ("y", b"\xff"))])
def test_live_events_need_no_headers_and_heed_no_import(headers: Headers) -> None:
    found = classify(record(event_json(), headers), RULES)
    assert isinstance(found, Counted)
    assert (found.stream, found.line, found.misrouted) == (None, 0, False)


@pytest.mark.parametrize("topic", [METRICS.name, HISTORY.name])
def test_an_event_of_another_shard_is_sent_there_as_it_came(topic: str) -> None:
    came = record(event_json(), IMPORT, topic=topic, partition=ELSEWHERE.shard, key=None)
    found = classify(came, ELSEWHERE)
    assert found == Misrouted(came, SERVICE, HOME, APPENDED)


def forwarded(first: datetime, place: str = "1:1200") -> Headers:
    at = str(millis(first)).encode()
    return (("forwarded_from", place.encode()), ("forwarded_appended_at", at))


def test_a_forwarded_event_keeps_its_identity_and_its_first_append_time() -> None:
    first = APPENDED - timedelta(hours=30)
    value = event_json(timestamp=(first - timedelta(hours=23)).isoformat())
    direct = classify(record(value, appended_at=first), RULES)
    found = classify(record(value, forwarded(first)), RULES)
    assert isinstance(direct, Counted)
    assert isinstance(found, Counted)
    assert found.identity == direct.identity
    assert found.appended_at == first
    assert (found.misrouted, found.anonymous) == (True, False)
    late = classify(record(value), RULES)
    assert isinstance(late, DeadRecord)


def test_a_forwarded_event_without_id_is_told_apart_by_its_first_place() -> None:
    """The outbox sends at least once; without this a repeat would count again."""
    value = event_json(source=None)
    keys = []
    for place in ("1:1200", "1:1200", "1:1201", "2:1200"):
        found = classify(record(value, forwarded(APPENDED, place)), RULES)
        assert isinstance(found, Counted)
        assert found.identity is not None
        assert found.anonymous
        keys.append(found.identity)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_forwarded_history_has_a_lane_for_each_partition_it_came_through() -> None:
    found = history((*IMPORT, *forwarded(APPENDED, "3:9")))
    assert isinstance(found, Counted)
    assert (found.stream, found.line) == (("file", "3"), 12)


@pytest.mark.parametrize("later", [timedelta(), timedelta(milliseconds=1), timedelta(days=4000)])
def test_the_carried_time_is_never_later_than_the_record(later: timedelta) -> None:
    found = classify(record(event_json(), forwarded(APPENDED + later)), RULES)
    assert isinstance(found, Counted)
    assert found.appended_at == APPENDED


@pytest.mark.parametrize(
    "carried", [None, b"", b"\xff", b"-1", b"1e3", b"soon", b"9" * 15, b"9" * 16, b"9" * 5000]
)
def test_a_carried_time_that_is_none_leaves_the_record_its_own(carried: bytes | None) -> None:
    found = classify(record(event_json(), [("forwarded_appended_at", carried)]), RULES)
    assert isinstance(found, Counted)
    assert found.appended_at == APPENDED


@pytest.mark.parametrize("place", [b"3", b":", b"\0:1", b"x:y", b"1:1 ", b"1" * 4000 + b":1"])
def test_a_place_of_another_form_is_none(place: bytes) -> None:
    """It would go into the database's text columns, which hold no NUL and no such length."""
    found = history((*IMPORT, ("forwarded_from", place)))
    assert isinstance(found, Counted)
    assert (found.stream, found.misrouted) == (("file", ""), False)
    away = classify(record(event_json(), [("forwarded_from", place)]), ELSEWHERE)
    assert isinstance(away, Misrouted)


def test_a_forwarded_event_that_is_not_at_home_goes_no_further() -> None:
    """The partition count has changed: forwarding it again could go on for ever."""
    found = classify(record(event_json(), forwarded(APPENDED)), ELSEWHERE)
    assert isinstance(found, DeadRecord)
    assert found.letter.code == "partitions_changed"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], None),
        ([None], None),
        ([b""], None),
        ([b"\xff"], None),
        ([None, b"a"], "a"),
        ([b"a", b"b"], "a"),
        (["é".encode()], "é"),
    ],
)
def test_a_header_that_cannot_be_read_is_as_good_as_none(
    values: list[bytes | None], text: str | None
) -> None:
    assert header(record(b"", [("other", b"z"), *(("name", v) for v in values)]), "name") == text


NAMES = ("import_id", "import_line", "forwarded_from", "forwarded_appended_at", "correlation_id")
VALUES = (
    st.none()
    | st.binary(max_size=30)
    | st.text(max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.integers(-5, 10**20).map(lambda n: str(n).encode())
    | st.sampled_from((b"1:2", b"\0", b"9" * 15, b"9" * 5000))
)
BODIES = (
    st.none() | st.binary(max_size=60) | st.sampled_from((event_json(), OLD, event_json(bad=99)))
)


@settings(max_examples=examples(250))
@given(
    BODIES,
    st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), VALUES), max_size=6),
    st.none() | st.binary(max_size=5),
    st.sampled_from((METRICS.name, HISTORY.name)),
    st.integers(-1, 4_000_000_000_000),
    st.sampled_from((RULES, ELSEWHERE)),
)
@example(event_json(), [("forwarded_appended_at", b"9" * 15)], None, METRICS.name, 10**12, RULES)
@example(
    OLD, [("import_id", b"f"), ("import_line", b"9" * 5000)], None, HISTORY.name, 10**12, RULES
)
def test_any_bytes_and_headers_get_a_verdict_and_always_the_same(  # noqa: PLR0913, PLR0917
    value: bytes | None,
    headers: Headers,
    key: bytes | None,
    topic: str,
    timestamp: int,
    rules: Rules,
) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=timestamp)
    came = record(value, headers, topic=topic, appended_at=at, key=key)
    found = classify(came, rules)
    assert classify(came, rules) == found
    if isinstance(found, DeadRecord):
        assert found.letter.code
        assert found.letter.field
    elif isinstance(found, Misrouted):
        assert found.shard == shard_of(found.service, SHARDS) != rules.shard
        assert found.appended_at <= at
    else:
        assert found.appended_at <= at
        assert (found.stream is not None) == (topic == HISTORY.name)


def test_a_replayed_letter_counts_as_of_its_first_arrival_and_once() -> None:
    first = APPENDED - timedelta(hours=30)
    value = event_json(source=None, timestamp=(first - timedelta(hours=1)).isoformat())
    headers: Headers = (
        ("forwarded_appended_at", str(millis(first)).encode()),
        ("replayed_from", b"a-letter"),
    )
    late = classify(record(value, headers[1:]), RULES)
    assert isinstance(late, DeadRecord), "by its own append time it is too late"
    found = [classify(record(value, headers, offset=offset), RULES) for offset in (7, 8)]
    other = classify(record(value, (headers[0], ("replayed_from", b"another"))), RULES)
    assert isinstance(found[0], Counted)
    assert isinstance(found[1], Counted)
    assert isinstance(other, Counted)
    assert found[0].appended_at == first
    assert not found[0].misrouted
    assert found[0].identity is not None
    assert found[0].identity == found[1].identity != other.identity
