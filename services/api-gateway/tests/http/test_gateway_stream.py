"""The event stream: what is told, and what is told again to who comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from fastapi.sse import ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from api_gateway.projections.change_feed import (
    MOST_ID_CHARACTERS,
    ChangeLog,
    read_offsets,
    written_offsets,
)
from api_gateway.routers.stream import MOST_STREAMS, MOST_STREAMS_OF_ADDRESS, stream_changes
from common.kafka.topics import BURNRATES, CATALOG
from tests.support import kafka_records
from tests.support.gateway.harness import GatewayHarness
from tests.support.waiting import PATIENCE_SECONDS

PLACES = [(BURNRATES.name, 0), (BURNRATES.name, 1), (CATALOG.name, 0)]


def record(topic: str, key: str | None, partition: int, offset: int) -> Any:
    raw = None if key is None else key.encode()
    return kafka_records.record(topic, b"{}", partition=partition, offset=offset, key=raw)


@asynccontextmanager
async def streaming(
    gateway: GatewayHarness, last_id: str | None = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    request = Request({"type": "http", "app": gateway.app, "headers": []})
    stream = stream_changes(gateway.services.clock, request, gateway.of(ChangeLog), last_id)
    yield stream
    gateway.app.state.stopping = True
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(stream), PATIENCE_SECONDS)
    gateway.app.state.stopping = False


def test_only_the_newest_change_of_a_key_is_told() -> None:
    log = ChangeLog()
    log.saw([record(BURNRATES.name, key, 1, at) for at, key in enumerate("abca")])
    log.saw([record(CATALOG.name, None, 0, 1)])
    assert [(c.key, c.version) for c in log.since(0)] == [("b", 1), ("c", 2), ("a", 3)]
    assert [c.key for c in log.since(3)] == ["a"]
    assert log.since(log.position) == []
    assert log.id == "slo.burnrates.v1:,3;slo.catalog.v1:1"


async def test_the_stream_begins_with_reset_and_tells_what_changed(
    gateway: GatewayHarness,
) -> None:
    changes = gateway.of(ChangeLog)
    async with streaming(gateway) as stream:
        first = await anext(stream)
        assert (first.event, first.data.changed) == ("reset", {})
        changes.saw([record(BURNRATES.name, key, 2, at) for at, key in enumerate(["a", "b"])])
        told = await asyncio.wait_for(anext(stream), PATIENCE_SECONDS)
        assert (told.event, told.id) == ("changed", "slo.burnrates.v1:,,1")
        assert told.data.changed == {"slo.burnrates.v1": {"a": 0, "b": 1}}


async def test_who_comes_back_is_told_what_it_missed(gateway: GatewayHarness) -> None:
    changes = gateway.of(ChangeLog)
    changes.saw([record(BURNRATES.name, "checkout", 0, 7), record(BURNRATES.name, "cart", 0, 8)])
    seen = changes.id
    changes.saw([record(BURNRATES.name, "cart", 0, 9), record(BURNRATES.name, "cart", 0, 10)])
    async with streaming(gateway, seen) as stream:
        first = await anext(stream)
        assert (first.event, first.data.changed) == ("changed", {BURNRATES.name: {"cart": 10}})
    async with streaming(gateway, changes.id) as stream:
        nothing = await anext(stream)
        assert (nothing.event, nothing.data.changed) == ("changed", {})


@pytest.mark.parametrize(
    "last_id",
    [
        "",
        "slo.burnrates.v1-0-7",  # not our form
        "slo.burnrates.v1:999",  # further than this replica has read: another topic, made anew
        "slo.burnrates.v1:7,3",  # a partition that is not known here
        "slo.catalog.v1:7",
        "slo.burnrates.v1:" + "9" * 5000,
        "slo.burnrates.v1:\u0667",  # a digit, but not one of ours
    ],
)
async def test_an_id_that_says_nothing_here_resets(gateway: GatewayHarness, last_id: str) -> None:
    gateway.of(ChangeLog).saw([record(BURNRATES.name, "checkout", 0, 8)])
    async with streaming(gateway, last_id) as stream:
        assert (await anext(stream)).event == "reset"


async def test_an_id_comes_back_in_the_header(gateway: GatewayHarness) -> None:
    gateway.of(ChangeLog).saw([record(BURNRATES.name, "checkout", 0, 8)])
    gateway.app.state.stopping = True  # the stream ends after its first event
    headers = {"Last-Event-ID": "slo.burnrates.v1:7"}
    response = await gateway.client.get("/api/stream", headers=headers)
    lines = dict(line.split(": ", 1) for line in response.text.splitlines() if line)
    assert (lines["event"], lines["id"]) == ("changed", "slo.burnrates.v1:8")
    assert json.loads(lines["data"])["changed"] == {BURNRATES.name: {"checkout": 8}}


@given(
    written=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from("abc")), max_size=30),
    seeds=st.tuples(st.randoms(), st.randoms()),
    data=st.data(),
)
def test_no_change_is_missed_between_replicas(
    written: list[tuple[tuple[str, int], str]], seeds: tuple[Any, Any], data: st.DataObject
) -> None:
    """Two replicas read the partitions in different order; a client goes from one to the other."""
    records = [
        # a key has one partition
        record(topic, f"{key}{partition}", partition, at)
        for at, ((topic, partition), key) in enumerate(written)
    ]
    here, there = (shuffled_between_partitions(records, seed) for seed in seeds)
    first, second = ChangeLog(), ChangeLog()
    for at in here[: data.draw(st.integers(0, len(here)), label="read before it went")]:
        first.saw([at])
    told = {(c.topic, c.key): c.version for c in first.since(0)}
    for at in there:
        second.saw([at])
    missed = second.missed(first.id or "")
    if missed is None:  # a reset: everything is read anew
        return
    told |= {(c.topic, c.key): c.version for c in missed}
    for newest in second.since(0):
        assert told[newest.topic, newest.key] >= newest.version


def shuffled_between_partitions(records: list[Any], random: Any) -> list[Any]:
    """Return the records in another order, each partition's own kept."""
    queues: dict[tuple[str, int], list[Any]] = {}
    for at in records:
        queues.setdefault((at.topic, at.partition), []).append(at)
    order = []
    while queues:
        place = random.choice(sorted(queues))
        order.append(queues[place].pop(0))
        if not queues[place]:
            del queues[place]
    for earlier, later in pairwise([at for at in order if at.partition == 1]):
        assert earlier.offset < later.offset
    return order


@given(
    st.dictionaries(
        st.tuples(st.sampled_from([BURNRATES.name, CATALOG.name]), st.integers(0, 40)),
        st.integers(0, 2**53),
        min_size=1,
        max_size=40,
    )
)
def test_an_id_is_read_as_it_was_written(offsets: dict[tuple[str, int], int]) -> None:
    assert read_offsets(written_offsets(offsets)) == offsets


def test_an_id_too_long_for_a_header_is_not_given() -> None:
    log = ChangeLog()
    for partition in range(MOST_ID_CHARACTERS):
        log.saw([record(BURNRATES.name, "checkout", partition, 1)])
    assert log.id is None


async def test_the_stream_is_events_over_http(gateway: GatewayHarness) -> None:
    gateway.app.state.stopping = True  # the stream ends after its first event
    response = await gateway.client.get("/api/stream")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    name, data, *_ = response.text.splitlines()
    assert name == "event: reset"
    assert json.loads(data.removeprefix("data: "))["changed"] == {}
    assert not gateway.of(ChangeLog).streams


async def test_streams_are_bounded(gateway: GatewayHarness) -> None:
    gateway.of(ChangeLog).streams["elsewhere"] = MOST_STREAMS
    response = await gateway.client.get("/api/stream")
    assert (response.status_code, response.json()["code"]) == (503, "too_many_streams")
    assert gateway.of(ChangeLog).streams.total() == MOST_STREAMS


async def test_one_address_has_a_share_of_the_streams(gateway: GatewayHarness) -> None:
    own = {"127.0.0.1": MOST_STREAMS_OF_ADDRESS}
    gateway.of(ChangeLog).streams.update(own)
    response = await gateway.client.get("/api/stream")
    assert (response.status_code, response.json()["code"]) == (503, "too_many_streams")
    assert "127.0.0.1" in response.json()["detail"]
    assert gateway.of(ChangeLog).streams == own
