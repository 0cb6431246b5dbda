"""Ingest on real servers: 202 means that Kafka has it, and no crash costs or doubles an event."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from common.config.clock import rfc3339
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from ingest.simulator.counts import events_between
from tests.support.burnrate_service import publish
from tests.support.flow import get, rows, wait_for
from tests.support.servers.stack import Stack

Simulated = dict[str, Any]


def event(service: str, event_id: str) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "source": "test",
        "service": service,
        "timestamp": rfc3339(datetime.now(UTC).replace(microsecond=0)),
        "total": 10,
        "bad": 1,
    }


def post(stack: Stack, *events: dict[str, Any], **headers: str) -> httpx.Response:
    with stack.client(stack.ingest_url) as client:
        return client.post("/v1/events", json=events, headers=headers)


async def topic_records(bootstrap: str, topic: str, service: str) -> list[ConsumerRecord]:
    """Return all records of a service's partition, as they are now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(topic, shard_of(service, 4))
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        found: list[ConsumerRecord] = []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
    finally:
        await consumer.stop()
    return found


def test_an_event_that_was_answered_202_is_in_the_topic(simulated: Stack) -> None:
    sent = [event("ingest-flow", f"e-{n}") for n in range(3)]
    answer = post(simulated, *sent, **{"X-Request-ID": "flow-1"})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3, "rejected": []})
    bootstrap = simulated.variables["KAFKA_BOOTSTRAP_SERVERS"]
    records = asyncio.run(topic_records(bootstrap, METRICS.name, "ingest-flow"))
    mine = [record for record in records if record.key == b"ingest-flow"]
    assert [json.loads(record.value) for record in mine] == [
        {name: value for name, value in one.items() if name != "window_seconds"} for one in sent
    ]
    assert {dict(record.headers)["correlation_id"] for record in mine} == {b"flow-1"}


def test_a_dead_letter_is_found_corrected_and_counted_as_of_when_it_came(simulated: Stack) -> None:
    bootstrap = simulated.variables["KAFKA_BOOTSTRAP_SERVERS"]
    bad = {"service": "letters", "timestamp": rfc3339(datetime.now(UTC)), "bad": 1}
    asyncio.run(publish(bootstrap, [json.dumps(bad).encode()]))
    path = "/api/ingest/dead-letters?code=missing_field"
    [letter] = wait_for(simulated, path, lambda found: len(found) == 1)
    assert (letter["field"], json.loads(letter["value"])) == ("total", bad)
    with simulated.client() as client:
        replay = f"/api/ingest/dead-letters/{letter['id']}/replay"
        corrected = {"actor": "ines", "event": {**bad, "total": 10}}
        answers = [client.post(replay, json=corrected).status_code for _ in range(2)]
    assert answers == [202, 409]
    wait_for(simulated, "/api/slo/letters", lambda body: body["slos"][0]["total"] == 10)
    records = asyncio.run(topic_records(bootstrap, METRICS.name, "letters"))
    [sent] = [record for record in records if record.key == b"letters"]
    appended = datetime.fromisoformat(letter["appended_at"]).timestamp()
    assert dict(sent.headers)["forwarded_appended_at"].decode() == str(round(appended * 1000))
    lag = wait_for(simulated, "/api/ingest/lag", lambda found: found["lag_records"] == 0)
    assert {row["service"] for row in lag["shards"]} == {"burnrate", "gate"}


@pytest.fixture(scope="module")
def simulated(new_stack: Callable[..., Stack]) -> Stack:
    """A stack with the simulator, whose ingest is killed in the middle of the history."""
    stack = new_stack(INGEST_PUBLISH_TIMEOUT_SECONDS="2")
    # switched on only now, so that the history is young when everything else is ready to look
    stack.set_environment("ingest", ENABLE_METRICS_SIMULATOR="true")
    stack.restart("ingest")
    stack.wait_until(lambda: bool(imported_lines(stack)), "no line of the history arrived")
    assert not simulator_state(stack)["history_published"]
    stack.restart("ingest")
    stack.wait_until(
        lambda: simulator_state(stack)["history_published"], "history not published", 300
    )
    return stack


def simulator_state(stack: Stack) -> Simulated:
    state: Simulated = json.loads((stack.data_dir.path / "simulator.json").read_text())
    return state


def imported_lines(stack: Stack) -> list[int]:
    return [row["line"] for row in rows(stack, "SELECT line FROM burnrate.import_line")]


def test_without_kafka_it_is_503_and_the_same_event_again_counts_once(simulated: Stack) -> None:
    one, other = event("ingest-outage", "e-1"), event("ingest-outage", "e-2")
    assert post(simulated, one).status_code == 202
    simulated.hold("kafka")
    simulated.kill("kafka")
    answer = post(simulated, one, other)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert "Retry-After" in answer.headers
    with simulated.client(simulated.ingest_url) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    simulated.release("kafka")
    simulated.wait_until(
        lambda: post(simulated, one, other).status_code == 202, "no 202 after Kafka came back"
    )
    assert post(simulated, one, other).status_code == 202
    status = wait_for(
        simulated, "/api/slo/ingest-outage", lambda body: body["slos"][0]["total"] >= 20
    )
    assert (status["slos"][0]["total"], status["slos"][0]["bad"]) == (20, 2)


def test_a_killed_simulator_counts_every_event_once(simulated: Stack) -> None:
    simulated.hold("ingest")
    simulated.kill("ingest")
    try:
        state = simulator_state(simulated)
        seed, start, end = state["seed"], state["history_start"], state["history_end"]
        assert end - start == 7 * 86_400
        # a bucket may have been sent and not yet be in the state: it is counted as well
        ends = [state["published_through"], state["published_through"] + 10]
        for service in ("checkout", "payments", "reports"):
            history = counts(seed, start, end, 60, service)
            live = [counts(seed, end, through, 10, service) for through in ends]
            expected = {(history[0] + total, history[1] + bad) for total, bad in live}
            wait_for(
                simulated,
                f"/api/slo/{service}",
                lambda body, wanted=expected: (  # type: ignore[misc]
                    (body["slos"][0]["total"], body["slos"][0]["bad"]) in wanted
                ),
            )
        counters = get(simulated, "/api/burn/checkout")["current"]["counters"]
        assert counters["event_id_conflicts"] == counters["unidentified"] == 0
    finally:
        simulated.release("ingest")


def counts(seed: int, start: int, end: int, window: int, service: str) -> tuple[int, int]:
    """Return the total and bad counts that the simulator sends in (start, end]."""
    mine = [e for e in events_between(seed, start, end, window) if e.service == service]
    return sum(e.total for e in mine), sum(e.bad or 0 for e in mine)
