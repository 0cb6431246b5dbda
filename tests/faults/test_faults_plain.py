"""Without any fault: the oracle agrees with the service, and disagrees where a row is wrong."""

import asyncio

import asyncpg

from tests.faults.scenario import Scenario


async def test_all_rows_and_answers_are_those_of_the_model(scenario: Scenario) -> None:
    gateway, member = scenario.gateway(), scenario.member("a")
    gateway.start()
    member.start()
    await scenario.send(scenario.traffic.poison_of_every_kind())
    await asyncio.gather(member.wait_ready(), gateway.wait_ready())
    for _ in range(3):
        await scenario.send(scenario.traffic.take(1000))
    found = await scenario.differences()
    assert not found, "\n".join(found)
    assert await scenario.rest_differences(gateway.url) == []
    expected, _ = await scenario.expected()
    assert len(expected.dead_letters) >= 17
    for odd in ("duplicates", "event_id_conflicts", "unidentified", "misrouted"):
        assert sum(getattr(row, odd) for row in expected.services.values()) > 0


async def test_one_count_too_many_is_seen(scenario: Scenario) -> None:
    member = scenario.member("a")
    member.start()
    await scenario.send(scenario.traffic.take(300))
    assert await scenario.differences() == []
    connection = await asyncpg.connect(scenario.database_url)
    try:
        await connection.execute(
            # the lowest byte of the first total
            """UPDATE burnrate.count_block SET counts = set_byte(counts, 0,
                (get_byte(counts, 0) + 1) % 256) WHERE ctid =
            (SELECT ctid FROM burnrate.count_block WHERE resolution_seconds = 60 LIMIT 1)"""
        )
    finally:
        await connection.close()
    found = await scenario.differences(1)
    assert any(line.startswith("counts: 1 of") for line in found)
