"""Every kind of bad input over HTTP: which status, which code, which field is named."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

GOOD = {
    "event_id": "e-1",
    "source": "edge",
    "service": "checkout",
    "timestamp": "2026-11-23T06:40:00Z",
    "total": 10,
    "bad": 1,
}


def changed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not None}


def latency(bounds: Any, counts: Any, **more: Any) -> dict[str, Any]:
    return {"latency": {"bounds": bounds, "counts": counts, **more}}


WRONG_EVENTS = [
    ({"total": 1, "bad": 2}, "bad_exceeds_total", "bad"),
    ({"bad": None, "good": 11}, "good_exceeds_total", "good"),
    ({"good": 9}, "good_and_bad", "good"),
    ({"bad": None}, "missing_field", "bad"),
    ({"total": -1}, "count_out_of_range", "total"),
    ({"bad": -1}, "count_out_of_range", "bad"),
    ({"total": 10.5}, "invalid_count", "total"),
    ({"total": 2**53}, "count_out_of_range", "total"),
    ({"total": 10**30}, "count_out_of_range", "total"),
    ({"total": float("nan")}, "not_a_number", "total"),
    ({"bad": float("inf")}, "not_a_number", "bad"),
    ({"total": "10"}, "invalid_type", "total"),
    ({"total": True}, "invalid_type", "total"),
    ({"total": None}, "missing_field", "total"),
    ({"service": None}, "missing_field", "service"),
    ({"window_seconds": 0}, "invalid_window", "window_seconds"),
    ({"window_seconds": 3601}, "invalid_window", "window_seconds"),
    ({"window_seconds": 1.5}, "invalid_window", "window_seconds"),
    ({"latency": {"p50": 0.1, "p99": 0.9}}, "percentiles_refused", "latency"),
    (latency([0.5, 0.1], [5, 3, 2]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0.1, 0.1], [5, 3, 2]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0, 0.1], [5, 3, 2]), "invalid_latency_bounds", "latency.bounds"),
    (latency([], [10]), "invalid_latency_bounds", "latency.bounds"),
    (latency([0.1, 0.5], [5, 5]), "latency_counts_mismatch", "latency.counts"),
    (latency([0.1, 0.5], [5, 3, 1]), "latency_counts_mismatch", "latency.counts"),
    (latency([0.1, 0.5], [5, 6, -1]), "count_out_of_range", "latency.counts[2]"),
    (latency([0.1, float("nan")], [5, 3, 2]), "not_a_number", "latency.bounds[1]"),
    (latency([0.1, 0.5], [5, 3, 2], unit="s"), "unknown_field", "latency.unit"),
    ({"timestamp": "2026-11-23T06:40:00"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": 1795416000}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "yesterday"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "invalid_timestamp", "timestamp"),
    ({"timestamp": "2026-11-23T06:45:31Z"}, "timestamp_in_future", "timestamp"),
    ({"timestamp": "2026-11-22T06:40:29Z"}, "timestamp_too_old", "timestamp"),
    ({"service": "Checkout"}, "invalid_service_name", "service"),
    ({"service": ""}, "invalid_service_name", "service"),
    ({"service": "a" * 64}, "invalid_service_name", "service"),
    ({"service": "checkout\n"}, "invalid_service_name", "service"),
    ({"service": "heatmap"}, "reserved_service_name", "service"),
    ({"service": "targets"}, "reserved_service_name", "service"),
    ({"service": "compute"}, "reserved_service_name", "service"),
    ({"source": "a\0b"}, "control_character", "source"),
    ({"event_id": "x" * 129}, "too_long", "event_id"),
    ({"attributes": {"version": 3}}, "invalid_type", "attributes[...]"),
    ({"attributes": {str(n): "" for n in range(17)}}, "too_many_attributes", "attributes"),
    ({"p99": 0.3}, "unknown_field", "p99"),
    ({"event_id": None, "source": None}, "missing_identity", "event_id"),
]


def name_of(case: object) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("changes", "code", "field"), WRONG_EVENTS, ids=name_of)
async def test_a_wrong_event_is_a_422_that_names_the_field(
    client: httpx.AsyncClient, changes: dict[str, Any], code: str, field: str
) -> None:
    answer = await client.post(
        "/v1/events", content=json.dumps(changed(**changes)), headers=CONTENT_TYPE_JSON
    )
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == 422
    assert problem["code"] == code
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["detail"] in problem["detail"]


CONTENT_TYPE_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(("changes", "code", "field"), WRONG_EVENTS, ids=name_of)
async def test_a_wrong_event_takes_no_good_one_with_it(
    client: httpx.AsyncClient, broker: Any, changes: dict[str, Any], code: str, field: str
) -> None:
    body = json.dumps([GOOD, changed(**changes), changed(event_id="e-2")])
    answer = await client.post("/v1/events", content=body, headers=CONTENT_TYPE_JSON)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [(r["index"], r["code"], r["field"]) for r in answer.json()["rejected"]] == [
        (1, code, field)
    ]
    assert len(broker.records) == 2


async def test_an_event_without_identity_names_both_fields(client: httpx.AsyncClient) -> None:
    event = changed(event_id=None, source=None)
    alone = (await client.post("/v1/events", json=event)).json()
    assert [e["field"] for e in alone["errors"]] == ["event_id", "source"]
    listed = (await client.post("/v1/events", json=[event])).json()
    assert [e["field"] for e in listed["errors"]] == ["[0].event_id", "[0].source"]


WRONG_BODIES = [
    (b"", 400, "empty_body"),
    (b"  \r\n ", 400, "empty_body"),
    (b"{", 400, "invalid_json"),
    (b'{"service": "a",}', 400, "invalid_json"),
    (b'[{"service": "a"}', 400, "invalid_json"),
    (b"service=a", 400, "invalid_json"),
    (b"\xff\xfe", 400, "invalid_json"),
    (b'{"service":"a\xff"}', 400, "invalid_utf8"),
    (b"[" * 400_000, 400, "invalid_json"),
    (b'{"service":' + b"[" * 60_000, 422, "invalid_type"),
    (b'{"x":"' + b"y" * 70_000 + b'"}', 413, "event_too_large"),
    (b"null", 422, "invalid_type"),
    (b"3", 422, "invalid_type"),
    (b'"text"', 422, "invalid_type"),
    (b"[]", 422, "no_events"),
    (b"[1, null]", 422, "no_event_accepted"),
    (b"NaN", 400, "invalid_json"),
    (b'{"source": "\\ud800"}', 400, "invalid_json"),
]


@pytest.mark.parametrize(("body", "status", "code"), WRONG_BODIES)
async def test_a_body_that_holds_no_event_is_refused(
    client: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    answer = await client.post("/v1/events", content=body, headers=CONTENT_TYPE_JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unsupported_media_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "unsupported_media_type"),
        ({"Content-Type": "application/xml"}, "unsupported_media_type"),
        ({"Content-Type": "application/json; charset=latin-1"}, "unsupported_charset"),
        ({**CONTENT_TYPE_JSON, "Content-Encoding": "br"}, "unsupported_encoding"),
    ],
)
async def test_other_types_are_415(
    client: httpx.AsyncClient, headers: dict[str, str], code: str
) -> None:
    answer = await client.post("/v1/events", content=json.dumps(GOOD), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, code)


async def test_a_declared_body_over_the_limit_is_413(make_client: Any) -> None:
    async with make_client(body_limit_bytes=1024) as client:
        answer = await client.post("/v1/events", json={"x": "y" * 1024})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_streamed_body_over_the_limit_is_413(make_client: Any, broker: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps([GOOD] * 20).encode()

    async with make_client(body_limit_bytes=1024) as client:
        answer = await client.post("/v1/events", content=chunks(), headers=CONTENT_TYPE_JSON)
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert broker.records == []


async def test_too_many_events_are_413_and_none_is_taken(make_client: Any, broker: Any) -> None:
    async with make_client(max_events_per_request=2) as client:
        answer = await client.post("/v1/events", json=[GOOD] * 3)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_events")
    assert broker.records == []


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic a-token-for-tests", "Bearer"])
async def test_a_write_without_the_token_is_401_before_anything_else(
    client: httpx.AsyncClient, header: str | None
) -> None:
    del client.headers["Authorization"]
    headers = {} if header is None else {"Authorization": header}
    answer = await client.post("/v1/events", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
