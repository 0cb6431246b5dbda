"""What is taken over HTTP, what it becomes in Kafka, and what the broker's state does to it."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from common.admission.metric_events import parse_metric_event
from common.kafka.topics import METRICS
from common.observability.logging import CORRELATION_HEADER
from ingest.in_flight import InFlightLimit
from ingest.settings import IngestSettings
from tests.support.waiting import PATIENCE_SECONDS

GOOD = {
    "event_id": "e-1",
    "source": "edge",
    "service": "checkout",
    "timestamp": "2026-11-23T08:40:00+02:00",
    "total": 10,
    "good": 9,
    "latency": {"bounds": [0.1, 0.5], "counts": [7, 2, 1]},
    "attributes": {"version": "1.42.0"},
}
LINES = {"Content-Type": "application/x-ndjson"}


def numbered(number: int) -> dict[str, Any]:
    return {**GOOD, "event_id": f"e-{number}"}


def published_ids(broker: Any) -> list[str]:
    return [parse_metric_event(value).event_id for _, value, *_ in broker.records]


async def test_an_event_is_published_in_canonical_form(
    client: httpx.AsyncClient, broker: Any, names: set[str]
) -> None:
    names.add("checkout")
    answer = await client.post("/v1/events", json=GOOD, headers={"X-Request-ID": "request-7"})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    [(topic, value, key, partition, headers)] = broker.records
    assert (topic, key, partition) == (METRICS.name, b"checkout", None)
    assert headers == [(CORRELATION_HEADER, b"request-7")]
    assert json.loads(value) == {
        **{name: field for name, field in GOOD.items() if name != "good"},
        "timestamp": "2026-11-23T06:40:00Z",
        "bad": 1,
    }


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps([numbered(1), numbered(2)])),
        ("application/json; charset=UTF-8", json.dumps([numbered(1), numbered(2)], indent=1)),
        ("application/json", "\ufeff" + json.dumps([numbered(1), numbered(2)])),
        ("application/json", json.dumps(numbered(1)) + "\n" + json.dumps(numbered(2))),
        ("application/x-ndjson", json.dumps(numbered(1)) + "\n" + json.dumps(numbered(2))),
        ("application/jsonl", f"\n{json.dumps(numbered(1))}\r\n\r\n{json.dumps(numbered(2))}\r\n"),
        ("text/plain; charset=utf-8", json.dumps(numbered(1)) + "\n" + json.dumps(numbered(2))),
    ],
)
async def test_several_events_in_each_form(
    client: httpx.AsyncClient, broker: Any, content_type: str, body: str
) -> None:
    answer = await client.post(
        "/v1/events", content=body.encode(), headers={"Content-Type": content_type}
    )
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert published_ids(broker) == ["e-1", "e-2"]


async def test_one_event_over_several_lines_is_one_event(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/v1/events", content=json.dumps(GOOD, indent=2), headers=headers)
    assert answer.json() == {"accepted": 1, "rejected": []}


async def test_broken_lines_leave_the_others(client: httpx.AsyncClient, broker: Any) -> None:
    lines = [
        json.dumps(numbered(1)).encode(),
        b'{"service": "checkout", ',
        b"",
        b'{"service":"caf\xe9"}',
        b'{"total":NaN}',
        json.dumps(numbered(2)).encode(),
    ]
    answer = await client.post("/v1/events", content=b"\n".join(lines), headers=LINES)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert [(r["index"], r["code"]) for r in answer.json()["rejected"]] == [
        (1, "invalid_json"),
        (3, "invalid_utf8"),
        (4, "not_a_number"),
    ]
    assert published_ids(broker) == ["e-1", "e-2"]


async def test_an_array_with_nan_in_one_element_keeps_the_others(
    client: httpx.AsyncClient, broker: Any
) -> None:
    body = json.dumps([numbered(1), {**GOOD, "total": float("nan")}, numbered(2)])
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/v1/events", content=body, headers=headers)
    assert answer.json()["rejected"][0]["code"] == "not_a_number"
    assert published_ids(broker) == ["e-1", "e-2"]


async def test_when_none_is_good_it_is_a_422_with_all_the_fields(client: httpx.AsyncClient) -> None:
    wrong = {**GOOD, "good": 99}
    answer = await client.post("/v1/events", json=[wrong, 7, {**wrong, "service": "A"}])
    assert (answer.status_code, answer.json()["code"]) == (422, "no_event_accepted")
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [
        ("[0].good", "good_exceeds_total"),
        ("[1]", "invalid_type"),
        ("[2].service", "invalid_service_name"),
    ]


async def test_of_a_key_given_twice_the_last_counts(client: httpx.AsyncClient, broker: Any) -> None:
    body = json.dumps(GOOD).replace('"total": 10', '"total": 99, "total": 10')
    answer = await client.post(
        "/v1/events", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 202
    assert json.loads(broker.records[0][1])["total"] == 10


async def test_without_an_answer_from_kafka_it_is_503_and_never_202(
    client: httpx.AsyncClient, broker: Any
) -> None:
    broker.down = True
    answer = await client.post("/v1/events", json=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert int(answer.headers["Retry-After"]) > 0
    assert "same events again" in answer.json()["detail"]
    broker.down = False
    assert (await client.post("/v1/events", json=GOOD)).status_code == 202


async def test_readiness_follows_the_broker(client: httpx.AsyncClient, broker: Any) -> None:
    assert (await client.get("/readyz")).status_code == 200
    broker.down = True
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "no broker answers" in answer.json()["failing"]["kafka"]
    assert (await client.get("/healthz")).status_code == 200


async def test_events_over_the_bound_in_flight_are_429(make_client: Any, broker: Any) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()

    async def slow(records: Any) -> None:
        entered.set()
        await gate.wait()
        broker.records += records

    broker.send_all = slow
    async with make_client(max_events_per_request=3, max_in_flight_events=3) as http:
        first = asyncio.create_task(http.post("/v1/events", json=[numbered(1), numbered(2)]))
        await entered.wait()
        async with asyncio.timeout(PATIENCE_SECONDS):
            refused = await http.post("/v1/events", json=[numbered(3), numbered(4)])
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_in_flight")
        assert int(refused.headers["Retry-After"]) > 0
        gate.set()
        assert (await first).status_code == 202
        assert (await http.post("/v1/events", json=[numbered(3)])).status_code == 202
    assert published_ids(broker) == ["e-1", "e-2", "e-3"]


def test_room_is_given_back_when_the_work_fails() -> None:
    limit = InFlightLimit(1)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="as it goes"), limit.hold(1):
            raise RuntimeError("as it goes")


def test_bounds_that_would_refuse_for_ever_are_no_settings() -> None:
    with pytest.raises(ValueError, match="INGEST_MAX_EVENTS_PER_REQUEST"):
        IngestSettings(INGEST_MAX_EVENTS_PER_REQUEST=2, INGEST_MAX_IN_FLIGHT_EVENTS=1)


def count(result: str, code: str = "") -> float:
    labels = {"result": result, "code": code}
    return REGISTRY.get_sample_value("burnline_ingest_events_total", labels) or 0


async def test_what_becomes_of_events_is_counted(client: httpx.AsyncClient) -> None:
    accepted, rejected = count("accepted"), count("rejected", "invalid_service_name")
    await client.post("/v1/events", json=[numbered(1), numbered(2), {**GOOD, "service": "A"}])
    assert count("accepted") == accepted + 2
    assert count("rejected", "invalid_service_name") == rejected + 1
    assert "burnline_ingest_in_flight_events 0.0" in (await client.get("/metrics")).text


async def test_the_example_of_the_document_fits_its_schema_and_is_taken(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    content = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    body = content["application/json"]
    validator = Draft202012Validator({**body["schema"], "components": document["components"]})
    for example in body["examples"].values():
        validator.validate(example["value"])
        assert (await client.post("/v1/events", json=example["value"])).status_code == 202
    for wrong in ({**GOOD, "p99": 1}, {**GOOD, "bad": 1}, {"service": "a"}, 3):
        assert not validator.is_valid(wrong)


async def test_the_document_describes_every_form_and_answer(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/events"]["post"]
    answers = set(operation["responses"])
    assert answers == {"202", "400", "401", "403", "413", "415", "422", "429", "503"}
    assert {"application/json", "application/x-ndjson"} <= set(operation["requestBody"]["content"])
    event = document["components"]["schemas"]["MetricEvent"]
    assert event["additionalProperties"] is False
    assert {"service", "timestamp", "total"} == set(event["required"])
    for name in ("ProblemDocument", "Receipt", "Latency"):
        assert name in document["components"]["schemas"]


FRAGMENTS = [b"{", b"}", b"[", b"]", b",", b"\n", b'"', b"NaN", b"\\ud800", b"\xff", b"1e999", b"9"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=st.binary(max_size=60) | st.lists(st.sampled_from(FRAGMENTS), max_size=20).map(b"".join),
    content_type=st.sampled_from(["application/json", "application/x-ndjson"]),
)
async def test_no_bytes_are_a_server_error(
    client: httpx.AsyncClient, body: bytes, content_type: str
) -> None:
    answer = await client.post("/v1/events", content=body, headers={"Content-Type": content_type})
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"]
