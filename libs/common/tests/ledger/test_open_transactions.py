"""An open transaction holds back all that was written behind it: that is lag, not health."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from tests.support.ledger_model import NOW, SHARD, Process, Servers, answer_by_model

LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def quiet_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    answer_by_model(monkeypatch)
    with structlog.testing.capture_logs():
        yield


async def read_on(process: Process) -> None:
    if batch := process.consumer.poll("metrics", 10):
        await process.ledger.handle(batch)
    await process.ledger.flush()


async def test_what_waits_behind_an_open_transaction_is_not_taken_for_applied() -> None:
    servers = Servers()
    process = Process(servers)
    await process.assign()
    await process.settle()
    process.ledger._runtime = replace(process.ledger._runtime, clock=lambda: LATER)
    servers.log["metrics"] = [1, 2, 3]
    servers.open_from["metrics"] = 1
    await read_on(process)
    for _ in range(3):
        await process.ledger.probe()
    assert process.ledger.lag == {SHARD: 2}
    assert process.ledger.held_back == {SHARD}  # which is no reason to end the process
    assert process.ledger.owned[SHARD].oldest_applied() < LATER
    servers.open_from.clear()
    await read_on(process)
    await process.ledger.probe()
    assert (process.ledger.lag, process.ledger.held_back) == ({SHARD: 0}, set())
    assert process.ledger.owned[SHARD].oldest_applied() == LATER
