"""A megabyte of anything from one sender: no other sender waits for it to be read."""

import asyncio
import gzip
import time
from typing import Any

import pytest

from ingest.in_flight import Turns
from tests.support.ingest_fixtures import NOW, MakeClient

MEGABYTE = 1_000_000
HELD_SECONDS = 0.02
JSON, LINES = "application/json", "application/x-ndjson"


def event(number: int) -> str:
    return (
        f'{{"service":"n{number}","source":"s","timestamp":"{NOW.isoformat()}","total":1,"bad":0}}'
    )


BODIES: dict[str, tuple[str, bytes]] = {
    "not a number": (JSON, b"[" + b"NaN," * (MEGABYTE // 4) + b"0]"),
    "numbers": (JSON, b"[" + b"0," * (MEGABYTE // 2) + b"0]"),
    "numbers without an end": (JSON, b"[" + b"0," * (MEGABYTE // 2)),
    "empty objects": (LINES, b"{}\n" * (MEGABYTE // 3)),
    "empty lines": (LINES, b" \n" * (MEGABYTE // 2) + b"x"),
    "brackets": (JSON, b"[" * MEGABYTE),
    "nine thousand that are no events": (JSON, b"[" + b"{}," * 9_000 + b"{}]"),
    "nine thousand with NaN": (JSON, b"[" + b'{"total":NaN},' * 9_000 + b"{}]"),
    "five thousand new names": (JSON, f"[{','.join(map(event, range(5_000)))}]".encode()),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_no_body_holds_the_loop(make_client: MakeClient, kind: str, encoding: str) -> None:
    """Time of the processor: what the machine gives to others is nobody's fault here."""
    content_type, body = BODIES[kind]
    headers = {"Content-Type": content_type}
    if encoding:
        headers["Content-Encoding"], body = encoding, gzip.compress(body, 1)
    async with make_client() as client:

        async def send() -> Any:
            return await client.post("/v1/events", content=body, headers=headers)

        await send()  # what is made once for a process is not of the body
        held: list[float] = []
        probing = asyncio.create_task(probe(held))
        answer = await send()
        probing.cancel()
    assert answer.status_code in {202, 400, 413, 422, 429}
    assert max(held) < HELD_SECONDS


async def probe(held: list[float]) -> None:
    """Note how much time of the processor passes between two turns."""
    while True:
        began = time.process_time()
        await asyncio.sleep(0)
        held.append(time.process_time() - began)


async def test_one_sender_of_large_bodies_waits_for_himself_and_not_in_others_way() -> None:
    turns, order = Turns(), list[str]()

    async def read(sender: str) -> None:
        async with turns.taken(sender, MEGABYTE):
            order.append(sender)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for sender in ("a", "a", "a", "a", "b"):
            tasks.create_task(read(sender))
    assert order.index("b") <= 2
    assert order.count("a") == 4
    assert not turns._of
