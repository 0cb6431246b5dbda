"""How many new services one key brings: the others of its request, and all others, go on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.kafka.headers import SENDER_HEADER
from ingest.new_names import Catalog, NewNames
from tests.support.ingest_fixtures import NOW, FakeBroker, MakeClient, NoTopic


def event(service: str) -> dict[str, Any]:
    at = (NOW - timedelta(seconds=10)).isoformat()
    return {"service": service, "source": "s", "timestamp": at, "total": 1, "bad": 0}


def services(broker: FakeBroker) -> list[str]:
    return [key.decode() for _, _, key, _, _ in broker.records if key]


async def test_names_beyond_what_a_key_may_bring_wait_and_the_rest_is_taken(
    make_client: MakeClient, broker: FakeBroker, names: set[str]
) -> None:
    names.add("known")
    async with make_client(new_services_burst=2, new_services_per_hour=60) as client:
        sent = [event(name) for name in ("a", "known", "b", "c", "a", "d")]
        answer = await client.post("/v1/events", json=sent)
        assert answer.status_code == 202
        assert answer.json()["accepted"] == 4
        refused = answer.json()["rejected"]
        assert [(r["index"], r["code"], r["field"]) for r in refused] == [
            (3, "too_many_new_services", "service"),
            (5, "too_many_new_services", "service"),
        ]
        assert "INGEST_NEW_SERVICES_PER_HOUR" in refused[0]["detail"]
        assert answer.headers["Retry-After"] == "60"
        assert services(broker) == ["a", "known", "b", "a"]
        assert_wait(await client.post("/v1/events", json=event("c")), "service")
        assert_wait(await client.post("/v1/events", json=[event("c"), event("d")]), "[0].service")
        names.add("c")
        assert (await client.post("/v1/events", json=event("c"))).status_code == 202


def assert_wait(answer: httpx.Response, field: str) -> None:
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_new_services"
    assert answer.json()["errors"][0]["field"] == field
    assert int(answer.headers["Retry-After"]) == 60


async def test_the_record_of_a_new_name_says_who_brought_it(
    client: httpx.AsyncClient, broker: FakeBroker, names: set[str]
) -> None:
    names.add("known")
    await client.post("/v1/events", json=[event("known"), event("new")])
    senders = {key: dict(headers).get(SENDER_HEADER) for _, _, key, _, headers in broker.records}
    assert senders == {b"known": None, b"new": b"bootstrap"}


def test_a_name_costs_one_token_and_tokens_come_back() -> None:
    now = [datetime(2026, 11, 23, tzinfo=UTC)]
    known = Catalog(set(), lambda: True, NoTopic().run)
    limit = NewNames(known, names_per_hour=3600, burst=1, clock=lambda: now[0])
    assert limit.wait_seconds("a", "key/1") == 0
    assert limit.wait_seconds("a", "key/1") == 0
    assert limit.wait_seconds("b", "key/1") == 1
    assert limit.wait_seconds("b", "key/2") == 0
    assert limit.wait_seconds("b", "key/1") == 0
    now[0] += timedelta(seconds=1)
    assert limit.wait_seconds("c", "key/1") == 0


@pytest.mark.parametrize("is_complete", [True, False])
def test_nothing_is_new_before_the_catalog_was_read(*, is_complete: bool) -> None:
    known = Catalog(set(), lambda: is_complete, NoTopic().run)
    limit = NewNames(known, names_per_hour=1, burst=1, clock=lambda: NOW)
    waits = [limit.wait_seconds(name, "key/1") for name in ("a", "b")]
    assert (waits == [0, 0]) is not is_complete


async def test_a_hundred_thousand_names_of_one_key_are_a_thousand(
    make_client: MakeClient, broker: FakeBroker
) -> None:
    async with make_client() as client:
        for start in range(0, 100_000, 5_000):
            sent = [event(f"name-{n}") for n in range(start, start + 5_000)]
            answer = await client.post("/v1/events", json=sent)
            assert answer.status_code in {202, 429}
    assert len(set(services(broker))) == 1_000
