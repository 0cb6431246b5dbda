"""Who gets which row: leases, order within an episode, bursts, several processes."""

from typing import Any

import pytest
from sqlalchemy import text

from alerts.delivery import repository
from alerts.delivery.outcome import DeliveryOutcome
from alerts.delivery.repository import EndedAttempt
from tests.support.alerts.outgoing import (
    Outgoing,
    alert,
    connected,
    delivering,
    notification,
    notification_keys,
    resolved,
)
from tests.support.alerts.receiver import Receiver


@pytest.mark.usefixtures("hook")
async def test_two_relays_send_nothing_twice(
    outgoing: Outgoing, postgres_url: str, receiver: Receiver
) -> None:
    """Each notification is about one of 20 episodes, and about one of its own."""
    notifications = [notification(alert(n % 20 + 1), resolved(n + 100)) for n in range(100)]
    await outgoing.add(*notifications)
    async with (
        connected(postgres_url) as other,
        delivering(outgoing.database),
        delivering(other),
    ):
        await outgoing.until_states(*["sent"] * 100)
    keys = notification_keys(receiver.received)
    assert sorted(keys) == sorted(n.notice_key for n in notifications)
    for first in range(20):
        of_one_episode = [n.notice_key for n in notifications[first::20]]
        assert [key for key in keys if key in of_one_episode] == of_one_episode


@pytest.mark.usefixtures("hook")
async def test_what_a_killed_process_left_is_taken_over_after_its_lease(
    outgoing: Outgoing,
) -> None:
    await outgoing.add(notification(alert(1)))
    async with outgoing.database.write() as session:
        (claimed,) = await repository.claim(session, {}, [], 4, 0.5)
    assert claimed.attempt == 1
    async with delivering(outgoing.database):
        await outgoing.until_states("sent")
    attempts = await outgoing.rows("*", "attempt")
    assert [a.outcome for a in attempts] == [None, "delivered"]
    assert (attempts[1].started_at - attempts[0].started_at).total_seconds() >= 0.5


@pytest.mark.usefixtures("hook")
async def test_a_notification_that_kills_its_sender_is_given_up(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.add(notification(alert(1)))
    for _ in range(3):
        async with outgoing.database.write() as session:
            assert await repository.claim(session, {}, [], 4, 0.0)
    async with delivering(outgoing.database, max_attempts=3):
        await outgoing.until_states("dead")
    assert receiver.received == []
    (row,) = await outgoing.rows("last_error", "notification")
    assert "not known" in row.last_error


@pytest.mark.usefixtures("hook")
async def test_an_attempt_that_ends_after_its_lease_changes_no_later_one(
    outgoing: Outgoing,
) -> None:
    await outgoing.add(notification(alert(1)))
    async with outgoing.database.write() as session:
        (late,) = await repository.claim(session, {}, [], 4, 0.0)
    async with outgoing.database.write() as session:
        (second,) = await repository.claim(session, {}, [], 4, 60.0)
    no, yes = DeliveryOutcome(delivered=False), DeliveryOutcome(delivered=True)
    async with outgoing.database.write() as session:
        await repository.store(session, [EndedAttempt(late, no, 0.0)])
        assert await repository.claim(session, {}, [], 4, 60.0) == []
    async with outgoing.database.write() as session:
        await repository.store(session, [EndedAttempt(second, yes, None)])
        await repository.store(session, [EndedAttempt(late, no, None)])
    assert await outgoing.states() == ["sent"]


@pytest.mark.usefixtures("hook")
async def test_many_that_wait_for_others_hide_none_that_can_go(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    """More than are looked at in a turn: each is put off until what it waits for is due."""
    waiting = range(1, 201)
    await outgoing.add(*(notification(alert(n)) for n in waiting))
    async with outgoing.database.write() as session:
        later = "UPDATE alerts.notification SET next_attempt_at = now() + interval '1 h'"
        await session.execute(text(later))
    await outgoing.add(*(notification(resolved(n)) for n in waiting), notification(alert(999)))
    async with delivering(outgoing.database):
        await outgoing.until_states(*["pending"] * 400, "sent")
    assert notification_keys(receiver.received) == [notification(alert(999)).notice_key]


_FORGET = """SELECT pg_clear_attribute_stats('alerts', 'notification', attname, false)
    FROM pg_stats WHERE schemaname = 'alerts' AND tablename = 'notification'"""


async def test_what_holds_a_row_up_is_looked_up_by_its_episodes(outgoing: Outgoing) -> None:
    """In a table that the planner has not seen full yet: a burst must not cost its square."""
    async with outgoing.database.write() as session:
        # whatever the planner has learnt from the tests before is forgotten with the rows
        unseen = "ALTER TABLE alerts.notification SET (autovacuum_enabled = false)"
        await session.execute(text(unseen))
        await session.execute(text("TRUNCATE alerts.notification CASCADE"))
        await session.execute(text(_FORGET))
    await outgoing.add(*(notification(alert(n)) for n in range(1, 1001)))
    named: dict[str, Any] = {"busy_channels": [], "busy_counts": [], "in_flight": []}
    named |= {"concurrency": 4, "window": 64, "lease_seconds": 1.0}
    async with outgoing.database.write() as session:
        explain = text(f"EXPLAIN {repository._CLAIM.text}")
        plan = "\n".join((await session.execute(explain, named)).scalars())
        await session.execute(text("ALTER TABLE alerts.notification RESET (autovacuum_enabled)"))
    assert "notification_pending_of_episode" in plan, plan
