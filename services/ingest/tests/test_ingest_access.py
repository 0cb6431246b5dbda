"""Events need a key with the scope `ingest`; uses are told beside the requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from common.access.key_cache import ApiKeyCache, KeyReader, KeyRecords, KeyUses, UseReports
from common.access.keys import presented_key
from common.config.settings import KafkaSettings
from common.events import ApiKeyUsed, encode
from common.http.problems import Problem
from common.kafka.topics import KEY_USES, KEYS
from ingest.settings import IngestSettings
from tests.support.gateway.access import api_key, given, operations_with_scopes, refuses_strangers
from tests.support.ingest_fixtures import NOW, FakeBroker, MakeClient
from tests.support.kafka_records import record

EVENT = {"service": "checkout", "source": "t", "timestamp": NOW.isoformat(), "total": 1, "bad": 0}


async def test_every_write_refuses_strangers(make_client: MakeClient, ring: ApiKeyCache) -> None:
    async with make_client() as client:
        document = (await client.get("/openapi.json")).json()
        client.headers.pop("Authorization")
        found = [o for o in operations_with_scopes(document) if o.always]
        assert {(o.path, o.scope) for o in found} == {
            ("/v1/events", "ingest"),
            ("/v1/changes", "ingest"),
        }
        for operation in found:
            await refuses_strangers(client, ring, NOW, operation)
        assert document["paths"]["/v1/events"]["post"]["security"] == [{"bearer": ["ingest"]}]
        assert (await client.get("/metrics")).status_code == 200


async def test_metrics_need_a_key_when_reads_do(make_client: MakeClient, ring: ApiKeyCache) -> None:
    async with make_client(reads_need_key=True) as client:
        client.headers.pop("Authorization")
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=given(ring, "read"))).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_requests_are_limited_by_key(make_client: MakeClient, ring: ApiKeyCache) -> None:
    async with make_client(writes_per_second=0.1, write_burst=1) as client:
        assert (await client.post("/v1/events", json=EVENT)).status_code == 202
        refused = await client.post("/v1/events", json=EVENT)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_writes")
        assert refused.headers["Retry-After"] == "10"
        other = await client.post("/v1/events", json=EVENT, headers=given(ring, "ingest"))
        assert other.status_code == 202


@pytest.mark.parametrize(
    ("own", "total", "status"),
    [
        (None, 1000, 202),
        (None, 1001, 422),
        (None, 2**53 - 1, 422),
        (7, 7, 202),
        (7, 8, 422),
        (2**53 - 1, 2**53 - 1, 202),
    ],
)
async def test_a_report_counts_as_much_as_its_key_may(
    make_client: MakeClient, ring: ApiKeyCache, own: int | None, total: int, status: int
) -> None:
    made = api_key("ingest", max_count_per_report=own)
    ring.apply(made.key)
    async with make_client(max_count_per_report=1000) as client:
        sent = {**EVENT, "total": total}
        answer = await client.post("/v1/events", json=sent, headers=made.headers)
        assert answer.status_code == status
        beside = await client.post("/v1/events", json=[sent, EVENT], headers=made.headers)
        assert beside.json()["accepted"] == 1 + (status == 202)
        if status == 422:
            [error] = answer.json()["errors"]
            assert (error["field"], error["code"]) == ("total", "count_too_large")
            metrics = (await client.get("/metrics")).text
            sender = f'sender="key/{made.key.id}"'
            counted = f'refused_events_total{{code="count_too_large",{sender}}} 2.0'
            assert counted in metrics


WHOLE_BODIES: dict[str, tuple[int, str, bytes]] = {
    "invalid_json": (400, "application/json", b"{"),
    "body_too_large": (413, "application/json", b"[" + b" " * 4_000 + b"]"),
    "too_many_events": (413, "application/json", b"[{}, {}, {}, {}]"),
    "unsupported_media_type": (415, "text/xml", b"<event/>"),
}


@pytest.mark.parametrize("code", WHOLE_BODIES)
async def test_a_body_that_nobody_takes_is_counted_by_its_sender(
    make_client: MakeClient, ring: ApiKeyCache, code: str
) -> None:
    status, content_type, content = WHOLE_BODIES[code]
    made = api_key("ingest")
    ring.apply(made.key)
    headers = {**made.headers, "Content-Type": content_type}
    async with make_client(body_limit_bytes=2_000, max_events_per_request=3) as client:
        answer = await client.post("/v1/events", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        metrics = (await client.get("/metrics")).text
    counted = f'http_refusals_total{{code="{code}",sender="key/{made.key.id}"}} 1.0'
    assert counted in metrics


async def test_without_all_keys_it_is_not_ready(make_client: MakeClient, ring: ApiKeyCache) -> None:
    ring.complete_when(lambda: False)
    async with make_client() as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "keys" in answer.json()["failing"]
        assert (await client.post("/v1/events", json=EVENT)).status_code == 202  # the bootstrap key
        ring.complete_when(lambda: True)
        assert (await client.get("/readyz")).status_code == 200


async def test_records_of_the_topic_fill_the_ring_in_any_order() -> None:
    made = api_key("ingest")
    newer = msgspec.structs.replace(made.key, revision=2, revoked=True)
    presented = presented_key(made.text)
    assert presented is not None
    for order in ((made.key, newer), (newer, made.key)):
        ring, uses = ApiKeyCache(), KeyUses()
        records = KeyRecords(ring, uses)
        lines: list[bytes | None] = [encode(key) for key in order]
        await records.on_records([record(KEYS.name, value) for value in [b"{", None, *lines]])
        assert records.announced(newer)
        with pytest.raises(Problem, match="revoked"):
            ring.principal(presented, NOW)
        records.forget()
        assert not records.announced(made.key)


def used(broker: FakeBroker) -> list[ApiKeyUsed]:
    decoder = msgspec.json.Decoder(ApiKeyUsed)
    return [decoder.decode(r[1] or b"") for r in broker.records if r[0] == KEY_USES.name]


async def test_a_use_is_reported_at_most_once_a_minute(broker: FakeBroker) -> None:
    ring, made = ApiKeyCache(), api_key("ingest")
    ring.apply(made.key)
    presented = presented_key(made.text)
    assert presented is not None
    reports = UseReports("ingest", ring, broker)
    start = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)

    async def use(second: int) -> None:
        ring.principal(presented, start + timedelta(seconds=second))
        await reports.report()

    for second in (0, 5, 30, 59):
        await use(second)
    assert [u.used_at for u in used(broker)] == [start]
    broker.down = True
    await use(60)
    assert len(used(broker)) == 1
    broker.down = False
    await reports.report()
    assert [u.used_at for u in used(broker)] == [start, start + timedelta(seconds=60)]
    assert {(u.id, u.process) for u in used(broker)} == {(made.key.id, "ingest")}
    await reports.report()
    assert len(used(broker)) == 2


async def test_a_wrong_secret_is_no_use() -> None:
    ring, made = ApiKeyCache(), api_key("ingest")
    ring.apply(made.key)
    wrong: Any = presented_key(f"blk_{made.key.id}_{'x' * 43}")
    for _ in range(2):
        with pytest.raises(Problem, match="wrong"):
            ring.principal(wrong, NOW)
    assert ring.take_uses() == {}


def test_the_reader_begins_with_an_incomplete_ring() -> None:
    assert not KeyReader.of(KafkaSettings()).cache.complete


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, 2000),
        ({"BURNLINE_WRITES_PER_SECOND": "50"}, 50),
        ({"INGEST_WRITES_PER_SECOND": "70", "BURNLINE_WRITES_PER_SECOND": "50"}, 70),
        ({"INGEST_REQUESTS_PER_SECOND": "60"}, 60),
    ],
)
def test_the_rate_of_writes_has_the_same_name_in_every_process(
    given: dict[str, str], rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert IngestSettings().writes_per_second == rate
