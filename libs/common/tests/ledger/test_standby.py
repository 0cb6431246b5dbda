"""A member of a group that has more members than shards waits, and that is no fault of it."""

import pytest

from common.service.consumer import not_ready
from tests.support.ledger_model import Process, Servers, answer_by_model


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    answer_by_model(monkeypatch)
    return Process(Servers())


async def test_who_has_not_joined_is_not_ready(process: Process) -> None:
    assert not_ready(process.ledger, {}) == {"shards": "no shard is owned yet"}


async def test_who_has_joined_and_was_given_nothing_is_ready(process: Process) -> None:
    await process.ledger.on_partitions_assigned([])
    assert not_ready(process.ledger, {}) == {}


async def test_who_was_given_a_shard_is_ready_once_it_holds_it(process: Process) -> None:
    await process.assign()
    assert not_ready(process.ledger, {}) == {"shards": "no shard is owned yet"}
    await process.settle()
    assert not_ready(process.ledger, {}) == {}


async def test_while_the_group_divides_its_shards_anew_nobody_stands_by(process: Process) -> None:
    await process.ledger.on_partitions_assigned([])
    await process.revoke()
    assert not_ready(process.ledger, {}) == {"shards": "no shard is owned yet"}
