"""A consumer that only follows state topics is ready again once its shards are held again."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from common.ledger.stall_detector import StallDetector
from common.ledger.troubles import ShardTroubles
from common.service.health import vitals

LIMIT_SECONDS = 3.0


def ledger(*topics: str, held: bool) -> Any:
    """A ledger with one shard, of which nothing is left to be read."""
    owned = {2: SimpleNamespace(next_offsets=dict.fromkeys(topics, 7))} if held else {}
    return SimpleNamespace(
        topics=topics,
        owned=owned,
        lag={2: 0}
        if topics and held
        else {},  # of inputs alone it is asked how far behind they are
        held_back=set(),
        troubles=ShardTroubles(),
        assigned=lambda: {2},
    )


@pytest.mark.parametrize("topics", [(), ("slo.metrics.v1",)])
async def test_a_shard_that_an_outage_took_away_is_no_trouble_once_it_is_held_again(
    topics: tuple[str, ...],
) -> None:
    detector = StallDetector(LIMIT_SECONDS, LIMIT_SECONDS)
    seconds = iter(range(100))

    def look(*, held: bool) -> str | None:
        seen = vitals(ledger(*topics, held=held), {}, consuming=True)
        return detector.look(replace(seen, now_seconds=float(next(seconds))))

    assert look(held=True) is None
    said = [look(held=False) for _ in range(5)]
    assert said[0] is None
    assert "was not acquired" in str(said[-1])
    assert look(held=True) is None
