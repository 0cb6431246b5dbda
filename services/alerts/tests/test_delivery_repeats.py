"""Repeats for Alertmanager on PostgreSQL: who has the turn, what is repeated, in which order."""

from sqlalchemy import text

from alerts.delivery.repository import write_repeats
from tests.support.alerts.outgoing import (
    Outgoing,
    alert,
    delivering,
    notification,
    notification_keys,
    resolved,
)
from tests.support.alerts.receiver import Answer, Receiver
from tests.support.burnrate_service import eventually


async def repeat(outgoing: Outgoing, repeat_seconds: float = 60.0) -> int:
    """Write what is due and return the number of rows."""
    async with outgoing.database.write() as session:
        return await write_repeats(session, repeat_seconds)


def fired(receiver: Receiver) -> list[list[str]]:
    """Return the keys of the alerts of each request."""
    return [[a["annotations"]["dedup_key"] for a in r.json()] for r in receiver.received]


async def test_open_episodes_of_the_channel_are_repeated_together(outgoing: Outgoing) -> None:
    await outgoing.channel("am", "alertmanager", url="http://am.test")
    await outgoing.channel("hook", url="http://hook.test")
    await outgoing.episode(alert(1), "am", "hook")
    await outgoing.episode(alert(2), "hook")
    await outgoing.episode(alert(3), "am")
    await outgoing.episode(alert(4), "am")
    async with outgoing.database.write() as session:
        await outgoing.resolve(session, 4)
    assert await repeat(outgoing) == 1
    (row,) = await outgoing.rows("*", "notification")
    assert (row.channel, row.episode_ids, row.repeat) == ("am", [1, 3], True)
    assert [a["notice"] for a in row.payload["alerts"]] == [1, 1]


async def test_a_channel_has_one_turn_in_each_interval_whoever_asks(outgoing: Outgoing) -> None:
    await outgoing.channel("am", "alertmanager", url="http://am.test")
    await outgoing.episode(alert(1), "am")
    assert [await repeat(outgoing), await repeat(outgoing)] == [1, 0]
    async with outgoing.database.write() as session:
        await session.execute(text("UPDATE alerts.repeated SET at = at - interval '61 s'"))
    assert await repeat(outgoing) == 0, "the last one is still to be sent"
    async with outgoing.database.write() as session:
        await session.execute(text("DELETE FROM alerts.notification"))
    assert await repeat(outgoing) == 1


async def test_very_many_episodes_make_several_requests(outgoing: Outgoing) -> None:
    await outgoing.channel("am", "alertmanager", url="http://am.test")
    for number in range(1, 202):
        await outgoing.episode(alert(number), "am")
    assert await repeat(outgoing) == 2
    rows = await outgoing.rows("episode_ids", "notification")
    assert [len(row.episode_ids) for row in rows] == [200, 1]


async def test_an_episode_that_is_ending_is_not_repeated(outgoing: Outgoing) -> None:
    """Its resolve may already have its number: a repeat after it would fire it anew."""
    await outgoing.channel("am", "alertmanager", url="http://am.test")
    await outgoing.episode(alert(1), "am")
    await outgoing.episode(alert(2), "am")
    async with outgoing.database.write() as ending:
        await outgoing.resolve(ending, 1)
        assert await repeat(outgoing) == 1
    (row,) = await outgoing.rows("episode_ids", "notification")
    assert row.episode_ids == [2]


async def test_a_resolve_waits_for_the_repeat_before_it(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.channel("am", "alertmanager", url=receiver.url)
    await outgoing.episode(alert(1), "am")
    receiver.decide = lambda _: Answer(delay_seconds=0.2)
    assert await repeat(outgoing) == 1
    async with outgoing.database.write() as session:
        await outgoing.resolve(session, 1)
    await outgoing.add(notification(resolved(1), channel="am"))
    async with delivering(outgoing.database):
        await outgoing.until_states("sent")
    first, second = (request.json() for request in receiver.received)
    assert [a["transition"] for a in (first[0]["annotations"], second[0]["annotations"])] == [
        "firing",
        "resolved",
    ]
    assert receiver.most_at_once == 1


async def test_a_repeat_that_fails_is_forgotten_and_holds_up_nothing(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.channel("am", "alertmanager", url=receiver.url)
    await outgoing.episode(alert(1), "am")
    receiver.answers.append(Answer(500))
    assert await repeat(outgoing) == 1
    await outgoing.add(notification(resolved(1), channel="am"))
    async with delivering(outgoing.database):
        await outgoing.until_states("sent")
    assert len(receiver.received) == 2
    assert len(await outgoing.rows("id", "attempt")) == 1


async def test_repeats_go_on_while_an_episode_is_open(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.channel("am", "alertmanager", url=receiver.url)
    await outgoing.episode(alert(1), "am")
    written: list[int] = []
    async with delivering(outgoing.database) as delivery:

        async def repeated_three_times() -> bool:
            if rows := await repeat(outgoing, 0.05):
                written.append(rows)
                delivery.wake()
            return len(receiver.received) >= 3

        await eventually(repeated_three_times)
    assert fired(receiver)[:3] == [[alert(1).dedup_key]] * 3
    assert len(written) >= 3


async def test_only_alertmanager_gets_repeats(outgoing: Outgoing, receiver: Receiver) -> None:
    await outgoing.channel("hook", url=receiver.url)
    await outgoing.channel("am", "alertmanager", url=receiver.url)
    await outgoing.disable("am")
    await outgoing.episode(alert(1), "hook", "am", "simulated")
    assert await repeat(outgoing) == 0
    assert notification_keys(receiver.received) == []
