"""Dead letters and lag over HTTP."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from api_gateway.ingest_health.domain import ShardPosition
from common.kafka.log_ends import LogEnd
from common.kafka.tolerant_records import UndecodableBatch
from common.kafka.topics import AUDIT, CHANGES, DECISIONS, HISTORY, METRICS
from common.ledger.shard import NEVER
from tests.support.burn_events import NOW
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import EVENT, LETTER, REPLAY
from tests.support.gateway.results import LETTER_ID, letter, store_dead_letters, store_position

LETTERS = "/api/ingest/dead-letters"


async def test_letters_are_listed_newest_first_page_by_page(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, *(letter(n) for n in range(1, 6)))
    found, path = [], f"{LETTERS}?limit=2"
    while path:
        answer = await gateway.client.get(path)
        found += [row["offset"] for row in answer.json()]
        link = answer.headers.get("Link", "")
        path = link.partition(">")[0].removeprefix("<")
    assert found == [45, 44, 43, 42, 41]


async def test_letters_of_one_instant_are_paged_by_id(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, *(letter(n, recorded_at=NOW) for n in range(1, 4)))
    first = await gateway.client.get(f"{LETTERS}?limit=2")
    rest = await gateway.client.get(first.headers["Link"].partition(">")[0].removeprefix("<"))
    assert [row["offset"] for row in first.json() + rest.json()] == [43, 42, 41]


async def test_letters_are_filtered_by_code_and_topic(gateway: GatewayHarness) -> None:
    letters = (letter(1), letter(2, code="invalid_json"), letter(3, topic=CHANGES.name))
    await store_dead_letters(gateway.database, *letters)
    by_code = await gateway.get(LETTERS, code="invalid_json")
    by_topic = await gateway.get(LETTERS, topic=CHANGES.name)
    neither = await gateway.get(LETTERS, topic=CHANGES.name, code="invalid_json")
    assert [[row["offset"] for row in rows] for rows in (by_code, by_topic, neither)] == [
        [42],
        [43],
        [],
    ]


@pytest.mark.parametrize(
    ("value", "whole", "shown", "complete"),
    [
        (b"{}", 2, "{}", True),
        (b"\xff", 1, None, False),
        (None, None, None, False),
        (b"x" * 3_000, 3_000, "x" * 2_000, False),
        (b"x" * 100, 200, "x" * 100, False),
    ],
)
async def test_what_is_shown_of_a_record(
    gateway: GatewayHarness,
    value: bytes | None,
    whole: int | None,
    shown: str | None,
    complete: bool,  # noqa: FBT001 - a column of the table
) -> None:
    await store_dead_letters(gateway.database, letter(1, value=value, value_bytes=whole))
    [row] = await gateway.get(LETTERS)
    assert (row["value"], row["value_bytes"], row["is_complete"]) == (shown, whole, complete)


async def test_one_letter_is_shown_whole(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, letter(1, value=b"x" * 3_000, value_bytes=3_000))
    found = await gateway.get(LETTER)
    assert (found["value"], found["is_complete"]) == ("x" * 3_000, True)


async def replay(gateway: GatewayHarness, **content: Any) -> httpx.Response:
    return await gateway.write("POST", REPLAY, {"actor": "ines", **content})


async def sent_again(gateway: GatewayHarness) -> list[Any]:
    """Return the records that the outbox is about to send again."""
    return await gateway.database.rows(
        "SELECT * FROM catalog.outbox WHERE topic <> :audit ORDER BY id", audit=AUDIT.name
    )


async def test_a_corrected_record_keeps_its_append_time(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, letter())
    answer = await replay(gateway, event=EVENT)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["replayed_by"], told["corrected"]) == ("bootstrap", True)
    assert told["replayed_on_behalf_of"] == "ines"
    [sent] = await sent_again(gateway)
    assert (sent.topic, sent.key) == (METRICS.name, b"checkout")
    assert json.loads(sent.value) == EVENT
    appended = round((NOW - timedelta(minutes=11)).timestamp() * 1000)
    headers = {"forwarded_appended_at": str(appended), "replayed_from": LETTER_ID}
    assert sent.headers == {**headers, "correlation_id": "c-1"}
    [deed] = await gateway.audited()
    assert (deed.on_behalf_of, deed.action, deed.service_name) == (
        "ines",
        "dead_letter.replayed",
        "checkout",
    )


async def test_numbers_are_sent_as_they_were_written(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, letter())
    body = json.dumps({"actor": "ines", "event": {**EVENT, "attributes": {"a": "1"}}})
    body = body.replace('"total": 9', '"total": 9.0, "note": 0.10')
    answer = await gateway.write("POST", REPLAY, body.encode())
    assert answer.status_code == 202, answer.text
    assert b'"note":0.10' in (await sent_again(gateway))[0].value


async def test_a_record_goes_out_as_it_was_once_there_is_room_for_it(
    gateway: GatewayHarness,
) -> None:
    value = json.dumps(EVENT).encode()
    found = letter(code="too_many_services", value=value, value_bytes=len(value))
    await store_dead_letters(gateway.database, found)
    assert (await replay(gateway)).json()["corrected"] is False
    assert (await sent_again(gateway))[0].value == value


async def test_a_letter_is_sent_again_once(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, letter())
    assert (await replay(gateway, event=EVENT)).status_code == 202
    again = await replay(gateway, event=EVENT)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "already_replayed")
    assert len(await sent_again(gateway)) == 1


CHANGE = {"service": "checkout", "at": EVENT["timestamp"], "kind": "deploy"}


@pytest.mark.parametrize(
    ("topic", "event", "field", "code"),
    [
        (METRICS.name, None, "event.timestamp", "missing_field"),
        (METRICS.name, {**EVENT, "bad": 10}, "event.bad", "bad_exceeds_total"),
        (METRICS.name, {**EVENT, "timestamp": "2026-03-01T10:00:00Z"}, "event.timestamp", None),
        (METRICS.name, {**EVENT, "timestamp": NOW.isoformat()}, "event.timestamp", None),
        (HISTORY.name, EVENT, "topic", "history_by_import"),
        (CHANGES.name, {**CHANGE, "kind": "party"}, "event.kind", "invalid_kind"),
        (METRICS.name, {**EVENT, "source": "\ud800"}, "event.source", "invalid_character"),
    ],
)
async def test_what_would_be_refused_again_is_refused_here(
    gateway: GatewayHarness, topic: str, event: object, field: str, code: str | None
) -> None:
    await store_dead_letters(gateway.database, letter(topic=topic))
    answer = await gateway.write(
        "POST", REPLAY, json.dumps({"actor": "ines", "event": event}).encode()
    )
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert code in {None, error["code"]}
    if error["code"] in {"timestamp_too_old", "history_by_import"}:
        assert "burnline import" in error["detail"]
    assert await sent_again(gateway) == []


async def test_a_change_is_sent_again_too(gateway: GatewayHarness) -> None:
    await store_dead_letters(gateway.database, letter(topic=CHANGES.name))
    assert (await replay(gateway, event=CHANGE)).status_code == 202
    assert (await sent_again(gateway))[0].topic == CHANGES.name


async def test_what_is_not_there_as_a_whole_must_be_given(gateway: GatewayHarness) -> None:
    cut_off = letter(value=json.dumps(EVENT).encode(), value_bytes=400_000)
    await store_dead_letters(gateway.database, cut_off)
    answer = await replay(gateway)
    assert answer.json()["errors"][0]["code"] == "event_required"
    assert (await replay(gateway, event=EVENT)).status_code == 202


def position(topic: str, shard: int, next_offset: int, **fields: Any) -> ShardPosition:
    given = {"epoch": 3, "owner": "host:1", "applied_through": NOW, **fields}
    service = "gate" if topic == CHANGES.name else "burnrate"
    return ShardPosition(service, shard, topic, next_offset=next_offset, **given)


async def test_lag_is_told_by_shard_and_in_sum(gateway: GatewayHarness) -> None:
    for at in (
        position(METRICS.name, 0, 100),
        position(METRICS.name, 1, 90),
        position(CHANGES.name, 0, 0, applied_through=NEVER),
    ):
        await store_position(gateway.database, at)
    waiting = NOW - timedelta(seconds=42)
    for seconds in (7, 3):
        columns = {"dedup_key": str(seconds), "topic": DECISIONS.name}
        created_at = NOW - timedelta(seconds=seconds)
        await gateway.database.insert("gate.outbox", created_at=created_at, **columns)
    gateway.logs.known = {
        TopicPartition(METRICS.name, 0): LogEnd(0, 100, 100, None),
        TopicPartition(METRICS.name, 1): LogEnd(0, 95, 97, waiting),
        TopicPartition(HISTORY.name, 0): LogEnd(5, 8, 8, NOW - timedelta(seconds=1)),
        TopicPartition(CHANGES.name, 0): LogEnd(0, 0, 0, None),
    }
    found = await gateway.get("/api/ingest/lag")
    assert (found["lag_records"], found["lag_seconds"]) == (10, 42.0)
    by_place = {(row["service"], row["topic"], row["shard"]): row for row in found["shards"]}
    assert by_place["burnrate", METRICS.name, 0]["lag_seconds"] == 0
    late = by_place["burnrate", METRICS.name, 1]
    assert (late["lag_records"], late["next_offset"], late["end_offset"]) == (7, 90, 97)
    never = by_place["burnrate", HISTORY.name, 0]
    assert (never["owner"], never["next_offset"], never["lag_records"]) == (None, 5, 3)
    assert by_place["gate", CHANGES.name, 0]["applied_through"] is None
    assert found["outboxes"] == [
        {"service": "api-gateway", "waiting": 0, "lag_seconds": 0},
        {"service": "burnrate", "waiting": 0, "lag_seconds": 0},
        {"service": "gate", "waiting": 2, "lag_seconds": 7},
        {"service": "alerts", "waiting": 0, "lag_seconds": 0},
    ]
    assert gateway.logs.asked[0][TopicPartition(METRICS.name, 1)] == 90


async def test_an_age_that_cannot_be_told_is_not_invented(gateway: GatewayHarness) -> None:
    gateway.logs.known = {TopicPartition(METRICS.name, 0): LogEnd(0, 1, 1, None)}
    found = await gateway.get("/api/ingest/lag")
    assert (found["lag_records"], found["lag_seconds"]) == (1, None)


async def test_lag_is_measured_once_a_second_at_most(gateway: GatewayHarness) -> None:
    for seconds, measured in ((0, 1), (0.5, 1), (1.5, 2)):
        gateway.now[0] = NOW + timedelta(seconds=seconds)
        await gateway.get("/api/ingest/lag")
        assert len(gateway.logs.asked) == measured


def stuck(offset: int, next_offset: int | None, end_offset: int = 97) -> LogEnd:
    batch = UndecodableBatch(90, offset, next_offset, None, "unknown codec")
    return LogEnd(0, end_offset, end_offset, NOW, batch)


SKIP = {
    "topic": METRICS.name,
    "partition": 1,
    "offset": 91,
    "actor": "ines",
    "reason": "its producer has sent the events again",
}


async def test_a_batch_is_skipped_once_and_audited(gateway: GatewayHarness) -> None:
    for topic, shard in ((METRICS.name, 1), (METRICS.name, 0), (CHANGES.name, 1)):
        await store_position(gateway.database, position(topic, shard, 90))
    gateway.logs.known = {TopicPartition(METRICS.name, 1): stuck(91, 95)}
    answer = await gateway.write("POST", "/api/ingest/skips", SKIP)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["service"], answer.json()["next_offset"]) == ("burnrate", 95)
    moved = await gateway.database.rows(
        "SELECT topic, shard, next_offset FROM burnrate.shard_offset WHERE next_offset <> 90"
    )
    assert [tuple(row) for row in moved] == [(METRICS.name, 1, 95)]
    [audited] = await gateway.audited()
    assert (audited.on_behalf_of, audited.action) == ("ines", "batch.skipped")
    assert audited.subject == f"batch/{METRICS.name}/1@91"
    assert audited.details["reason"] == SKIP["reason"]


@pytest.mark.parametrize(
    ("end", "named"),
    [
        (LogEnd(0, 97, 97, NOW), {}),
        (stuck(90, 95), {}),
        (stuck(91, None), {}),
        (stuck(91, 98), {}),
        (stuck(91, 95), {"partition": 0}),
        (stuck(91, 95), {"topic": CHANGES.name}),
    ],
)
async def test_nothing_is_skipped_but_the_batch_that_stands_there(
    gateway: GatewayHarness, end: LogEnd, named: dict[str, Any]
) -> None:
    await store_position(gateway.database, position(METRICS.name, 1, 90))
    gateway.logs.known = {TopicPartition(METRICS.name, 1): end}
    answer = await gateway.write("POST", "/api/ingest/skips", {**SKIP, **named})
    assert answer.status_code == 409, answer.text
    assert answer.json()["errors"][0]["code"] == "not_stuck"
    assert await gateway.audited() == []


@pytest.mark.parametrize("failure", [KafkaConnectionError("gone"), TimeoutError()])
async def test_without_kafka_lag_is_a_problem(gateway: GatewayHarness, failure: Exception) -> None:
    gateway.logs.failure = failure
    answer = await gateway.client.get("/api/ingest/lag")
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    await store_position(gateway.database, position(METRICS.name, 1, 90))
    answer = await gateway.write("POST", "/api/ingest/skips", SKIP)
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
