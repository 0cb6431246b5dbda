"""Change events over HTTP: the same ways in, answers and refusals as for counts."""

import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from common.admission.change_events import parse_change_event
from common.kafka.headers import SENDER_HEADER
from common.kafka.topics import CHANGES

GOOD = {
    "event_id": "pipeline-1",
    "source": "pipeline",
    "service": "checkout",
    "at": "2026-11-23T08:40:00+02:00",
    "kind": "deploy",
    "version": "1.42.0",
}
LINES = {"Content-Type": "application/x-ndjson"}


def numbered(number: int) -> dict[str, Any]:
    return {**GOOD, "event_id": f"pipeline-{number}"}


def published_ids(broker: Any) -> list[str]:
    return [parse_change_event(value).event_id for _, value, *_ in broker.records]


async def test_a_change_is_published_in_canonical_form(
    client: httpx.AsyncClient, broker: Any
) -> None:
    answer = await client.post("/v1/changes", json=GOOD)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    [(topic, value, key, partition, headers)] = broker.records
    assert (topic, key, partition) == (CHANGES.name, b"checkout", None)
    assert dict(headers)[SENDER_HEADER] == b"bootstrap"
    assert json.loads(value) == {**GOOD, "at": "2026-11-23T06:40:00Z"}


async def test_a_minimal_change_needs_no_id(client: httpx.AsyncClient, broker: Any) -> None:
    minimal = {"service": "checkout", "at": "2026-11-23T06:40:00Z", "kind": "config"}
    assert (await client.post("/v1/changes", json=minimal)).status_code == 202
    assert json.loads(broker.records[0][1]) == minimal


async def test_arrays_and_lines_are_taken_but_for_what_is_wrong(
    client: httpx.AsyncClient, broker: Any
) -> None:
    wrong = {**GOOD, "kind": "party"}
    array = await client.post("/v1/changes", json=[numbered(1), wrong, numbered(2)])
    lines = "\n".join(json.dumps(event) for event in (numbered(3), wrong))
    listed = await client.post("/v1/changes", content=lines.encode(), headers=LINES)
    for answer, accepted in ((array, 2), (listed, 1)):
        assert (answer.status_code, answer.json()["accepted"]) == (202, accepted)
        assert [(r["index"], r["code"], r["field"]) for r in answer.json()["rejected"]] == [
            (1, "invalid_kind", "kind")
        ]
    assert published_ids(broker) == ["pipeline-1", "pipeline-2", "pipeline-3"]


WRONG = [
    ({"kind": "party"}, 422, "invalid_kind", "kind"),
    ({"service": "heatmap"}, 422, "reserved_service_name", "service"),
    ({"at": "2026-11-23T06:45:31Z"}, 422, "timestamp_in_future", "at"),
    ({"at": "2026-08-01T00:00:00Z"}, 422, "timestamp_too_old", "at"),
    ({"team": "payments"}, 422, "unknown_field", "team"),
    ({"url": "ftp://x"}, 422, "invalid_url", "url"),
]


@pytest.mark.parametrize(("changes", "status", "code", "field"), WRONG)
async def test_one_wrong_change_is_a_problem_that_names_the_field(
    client: httpx.AsyncClient, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await client.post("/v1/changes", json={**GOOD, **changes})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"][0]["field"] == field


async def test_without_an_answer_from_kafka_it_is_503(
    client: httpx.AsyncClient, broker: Any
) -> None:
    broker.down = True
    answer = await client.post("/v1/changes", json=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")


async def test_without_the_token_it_is_401(client: httpx.AsyncClient, broker: Any) -> None:
    del client.headers["Authorization"]
    assert (await client.post("/v1/changes", json=GOOD)).status_code == 401
    assert broker.records == []


def count(metric: str, result: str) -> float:
    labels = {"result": result, "code": ""}
    return REGISTRY.get_sample_value(f"burnline_ingest_{metric}_total", labels) or 0


async def test_changes_have_a_count_of_their_own(client: httpx.AsyncClient) -> None:
    changes, events = count("changes", "accepted"), count("events", "accepted")
    await client.post("/v1/changes", json=[numbered(1), numbered(2)])
    assert count("changes", "accepted") == changes + 2
    assert count("events", "accepted") == events


async def test_the_document_describes_a_change_and_its_example_is_taken(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/changes"]["post"]
    answers = {"202", "400", "401", "403", "413", "415", "422", "429", "503"}
    assert set(operation["responses"]) == answers
    content = operation["requestBody"]["content"]["application/json"]
    validator = Draft202012Validator({**content["schema"], "components": document["components"]})
    for example in content["examples"].values():
        validator.validate(example["value"])
        assert (await client.post("/v1/changes", json=example["value"])).status_code == 202
    for wrong in ({**GOOD, "team": "x"}, {**GOOD, "kind": "party"}, {"service": "checkout"}, 3):
        assert not validator.is_valid(wrong)
