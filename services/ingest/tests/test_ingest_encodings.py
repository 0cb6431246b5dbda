"""Compressed bodies, as collectors and log shippers send them: taken, bounded, never half."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import zstd
from common.http.problems import Problem
from ingest.body import ENCODINGS, expand
from tests.support.ingest_fixtures import FakeBroker

EVENT = {
    "event_id": "e-1",
    "source": "edge",
    "service": "checkout",
    "timestamp": "2026-11-23T06:40:00Z",
    "total": 10,
    "bad": 1,
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}
LIMIT = 4096

encodings = pytest.mark.parametrize("encoding", ENCODINGS)


def headers(encoding: str, kind: str = "application/json") -> dict[str, str]:
    return {"Content-Type": kind, "Content-Encoding": encoding}


def problem_of(body: bytes, encoding: str) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        expand(body, encoding, LIMIT)
    return refused.value.status, refused.value.code


@encodings
@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
async def test_a_compressed_body_is_taken_like_any_other(
    client: httpx.AsyncClient, broker: FakeBroker, encoding: str, kind: str
) -> None:
    body = COMPRESS[encoding](json.dumps(EVENT).encode())
    answer = await client.post("/v1/events", content=body, headers=headers(encoding.upper(), kind))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    assert [record[2] for record in broker.records] == [b"checkout"]


@encodings
async def test_changes_may_come_compressed_too(client: httpx.AsyncClient, encoding: str) -> None:
    change = {
        "event_id": "c-1",
        "source": "pipeline",
        "service": "checkout",
        "at": "2026-11-23T06:40:00Z",
        "kind": "deploy",
    }
    body = COMPRESS[encoding](json.dumps(change).encode())
    answer = await client.post("/v1/changes", content=body, headers=headers(encoding))
    assert answer.status_code == 202


@encodings
async def test_a_small_body_that_expands_beyond_the_bound_is_413(
    make_client: Any, broker: FakeBroker, encoding: str
) -> None:
    bomb = COMPRESS[encoding](b"[" + b" " * 1_000_000 + b"]")
    assert len(bomb) < 2000
    async with make_client(expanded_limit_bytes=100_000) as client:
        answer = await client.post("/v1/events", content=bomb, headers=headers(encoding))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert broker.records == []


@encodings
async def test_what_is_not_compressed_as_it_says_is_400(
    client: httpx.AsyncClient, encoding: str
) -> None:
    answer = await client.post("/v1/events", content=json.dumps(EVENT), headers=headers(encoding))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_encoding")
    assert encoding in answer.json()["detail"]


async def test_another_encoding_is_answered_with_those_that_are_taken(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v1/events", content=b"x", headers=headers("gzip, zstd"))
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
    assert answer.headers["Accept-Encoding"] == "gzip, zstd"


@given(st.binary(max_size=LIMIT), st.sampled_from(ENCODINGS))
def test_what_fits_the_bound_comes_out_as_it_went_in(body: bytes, encoding: str) -> None:
    assert expand(COMPRESS[encoding](body), encoding, LIMIT) == body


@given(st.binary(max_size=200), st.sampled_from(ENCODINGS), st.data())
def test_no_part_of_a_body_is_taken_for_the_whole(
    body: bytes, encoding: str, data: st.DataObject
) -> None:
    whole = COMPRESS[encoding](body)
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert problem_of(whole[:cut], encoding) == (400, "invalid_encoding")
    assert problem_of(whole + whole, encoding) == (400, "invalid_encoding")


@encodings
@pytest.mark.parametrize("beyond", [0, 1])
def test_the_bound_is_exact(encoding: str, beyond: int) -> None:
    body = COMPRESS[encoding](b"x" * (LIMIT + beyond))
    if beyond:
        assert problem_of(body, encoding) == (413, "body_too_large")
    else:
        assert len(expand(body, encoding, LIMIT)) == LIMIT
