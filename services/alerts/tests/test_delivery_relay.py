"""The relay on PostgreSQL: order, retries, pauses, dead letters, places, restarts."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
import structlog
from sqlalchemy import text

from alerts.delivery import repository
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import Request
from alerts.delivery.sender import HTTP_KINDS, HttpKind
from alerts.domain.notifications import channel_test
from tests.support.alerts.outgoing import (
    Outgoing,
    alert,
    delivering,
    notification,
    notification_keys,
    resolved,
)
from tests.support.alerts.receiver import (
    GARBAGE,
    HANG_UP,
    NEVER,
    Answer,
    Received,
    Receiver,
    receiving,
)
from tests.support.burnrate_service import eventually


@pytest.mark.usefixtures("hook")
async def test_what_is_written_goes_out_and_is_known_as_sent(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.add(notification(alert(1)))
    async with delivering(outgoing.database):
        await outgoing.until_states("sent")
    (row,) = await outgoing.rows("*", "notification")
    (attempt,) = await outgoing.rows("*", "attempt")
    assert (row.attempts, row.last_error) == (1, None)
    assert row.sent_at >= row.created_at
    assert (attempt.number, attempt.outcome, attempt.status_code) == (1, "delivered", 200)
    assert attempt.ended_at >= attempt.started_at
    assert notification_keys(receiver.received) == [row.notice_key]


@pytest.mark.usefixtures("hook")
async def test_waking_delivers_at_once(outgoing: Outgoing) -> None:
    async with delivering(outgoing.database, idle_seconds=60) as delivery:
        await asyncio.sleep(0.1)
        await outgoing.add(notification(alert(1)))
        delivery.wake()
        await outgoing.until_states("sent")


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize(
    "answer", [Answer(500), GARBAGE, HANG_UP, NEVER], ids=["500", "garbage", "hang-up", "never"]
)
async def test_a_failure_is_tried_again_with_the_same_key(
    outgoing: Outgoing, receiver: Receiver, answer: Answer
) -> None:
    receiver.answers.extend([answer] * 2)
    await outgoing.add(notification(alert(1)))
    async with delivering(outgoing.database, timeout_seconds=0.3):
        await outgoing.until_states("sent")
    keys = notification_keys(receiver.received)
    assert keys == [notification(alert(1)).notice_key] * 3
    assert len({request.body for request in receiver.received}) == 1
    attempts = await outgoing.rows("*", "attempt")
    assert [a.outcome for a in attempts] == ["failed", "failed", "delivered"]
    assert all(a.error for a in attempts[:2])


@pytest.mark.usefixtures("hook")
async def test_a_resolve_never_overtakes_its_firing(outgoing: Outgoing, receiver: Receiver) -> None:
    receiver.answers.extend([Answer(500)] * 3)
    other = alert(2)
    await outgoing.add(
        notification(alert(1)), notification(resolved(1), other), notification(resolved(2))
    )
    async with delivering(outgoing.database):
        await outgoing.until_states("sent", "sent", "sent")
    first, second, third = (
        notification(alert(1)).notice_key,
        notification(resolved(1), other).notice_key,
        notification(resolved(2)).notice_key,
    )
    assert notification_keys(receiver.received) == [first] * 4 + [second, third]


@pytest.mark.usefixtures("hook")
async def test_an_episode_that_waits_holds_up_no_other(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    def all_but_the_first(received: Received) -> Answer:
        first = received.headers["x-burnline-notice"] == notification(alert(1)).notice_key
        return Answer(500) if first else Answer()

    receiver.decide = all_but_the_first
    await outgoing.add(
        notification(alert(1)),
        notification(resolved(1)),
        notification(alert(2)),
        notification(resolved(2)),
    )
    async with delivering(outgoing.database):
        await outgoing.until_states("pending", "pending", "sent", "sent")
    assert notification(resolved(1)).notice_key not in notification_keys(receiver.received)


async def test_a_channel_that_is_down_holds_up_no_other(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.channel("hook", url=receiver.url)
    with receiving() as broken:
        broken.decide = lambda _: NEVER
        await outgoing.channel("broken", url=broken.url)
        await outgoing.add(*(notification(alert(n), channel="broken") for n in range(20)))
        await outgoing.add(*(notification(alert(n)) for n in range(20)))
        async with delivering(outgoing.database, channel_concurrency=2, timeout_seconds=0.5):
            await outgoing.until_states(*["pending"] * 20, *["sent"] * 20)
        assert broken.received


@pytest.mark.usefixtures("hook")
async def test_a_channel_has_so_many_places_and_uses_them(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    receiver.decide = lambda _: Answer(delay_seconds=0.05)
    await outgoing.add(*(notification(alert(n)) for n in range(1, 31)))
    async with delivering(outgoing.database, channel_concurrency=3):
        await outgoing.until_states(*["sent"] * 30)
    assert receiver.most_at_once == 3
    assert Counter(notification_keys(receiver.received)) == {
        notification(alert(n)).notice_key: 1 for n in range(1, 31)
    }


@pytest.mark.usefixtures("hook")
async def test_429_pauses_the_whole_channel_for_as_long_as_it_asks(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    instants: list[float] = []

    def limited(_: Received) -> Answer:
        instants.append(time.monotonic())
        return Answer(429, headers={"Retry-After": "1"}) if len(instants) == 1 else Answer()

    receiver.decide = limited
    await outgoing.add(*(notification(alert(n)) for n in range(1, 6)))
    async with delivering(outgoing.database, channel_concurrency=1):
        await outgoing.until_states(*["sent"] * 5)
    assert instants[1] - instants[0] >= 1.0
    assert len(instants) == 6


@pytest.mark.usefixtures("hook")
async def test_what_fails_too_often_is_a_dead_letter_that_says_why(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    receiver.decide = lambda _: Answer(500, body=b"no; secret s3cret of /abcdefgh")
    await outgoing.add(notification(alert(1)), notification(resolved(1)))
    async with delivering(outgoing.database, max_attempts=3):
        await outgoing.until_states("dead", "dead")
    first, _ = await outgoing.rows("*", "notification")
    assert (first.attempts, first.sent_at) == (3, None)
    assert first.last_error == "HTTP 500: no; secret *** of /***"
    attempts = await outgoing.rows("*", "attempt", "notification_id, number")
    assert [a.outcome for a in attempts] == ["failed", "failed", "given_up"] * 2
    assert all("s3cret" not in str(row) and "abcdefgh" not in str(row) for row in attempts)


@pytest.mark.usefixtures("hook")
async def test_what_a_receiver_will_never_take_is_given_up_at_once(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    receiver.decide = lambda _: Answer(400, body=b"invalid event")
    await outgoing.add(notification(alert(1)))
    async with delivering(outgoing.database):
        await outgoing.until_states("dead")
    assert len(receiver.received) == 1


@pytest.mark.usefixtures("hook")
async def test_what_is_too_old_is_given_up(outgoing: Outgoing, receiver: Receiver) -> None:
    receiver.decide = lambda _: Answer(500)
    await outgoing.add(notification(alert(1)))
    async with outgoing.database.write() as session:
        old = "UPDATE alerts.notification SET created_at = now() - interval '25 h'"
        await session.execute(text(old))
    async with delivering(outgoing.database):
        await outgoing.until_states("dead")
    assert len(receiver.received) == 1, "it is tried, though"


async def test_what_has_no_channel_is_dead(outgoing: Outgoing, receiver: Receiver) -> None:
    await outgoing.channel("off", url=receiver.url)
    await outgoing.disable("off")
    await outgoing.add(
        notification(alert(1), channel="off"), notification(alert(1), channel="unknown")
    )
    async with delivering(outgoing.database):
        await outgoing.until_states("dead", "dead")
    errors = {row.last_error for row in await outgoing.rows("last_error", "notification")}
    assert errors == {"the channel is disabled or gone"}
    assert receiver.connections == 0


async def test_a_changed_channel_is_used_by_the_next_attempt(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    with receiving() as gone:
        pass
    await outgoing.channel("hook", url=gone.url)
    await outgoing.add(notification(alert(1)))
    async with delivering(outgoing.database):

        async def has_failed() -> bool:
            return any(row.error for row in await outgoing.rows("error", "attempt"))

        await eventually(has_failed)
        await outgoing.channel("hook", url=receiver.url)
        await outgoing.until_states("sent")


async def test_an_address_inside_is_refused_and_said_so(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.channel("hook", url=receiver.url)
    await outgoing.add(notification(alert(1)))
    async with delivering(outgoing.database, allowed_networks=(), max_attempts=2):
        await outgoing.until_states("dead")
    (row,) = await outgoing.rows("last_error", "notification")
    assert "loopback" in row.last_error
    assert receiver.connections == 0


@pytest.mark.usefixtures("hook")
async def test_stopping_ends_what_is_under_way_first(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    receiver.decide = lambda _: Answer(delay_seconds=0.3)
    await outgoing.add(notification(alert(1)))
    async with delivering(outgoing.database):

        async def arrived() -> bool:
            return bool(receiver.received)

        await eventually(arrived)
    assert await outgoing.states() == ["sent"]
    assert len(receiver.received) == 1


async def test_a_channel_test_is_attempted_once(outgoing: Outgoing, receiver: Receiver) -> None:
    await outgoing.channel("hook", url=receiver.url)
    receiver.answers.append(Answer(500))
    now = datetime.now(UTC)
    await outgoing.add(channel_test("hook", "1", now), channel_test("hook", "2", now))
    async with delivering(outgoing.database):
        await outgoing.until_states("dead", "sent")
    assert len(receiver.received) == 2


async def test_a_row_that_cannot_be_read_or_sent_holds_up_no_other(
    outgoing: Outgoing, receiver: Receiver
) -> None:
    await outgoing.channel("hook", url=receiver.url)
    await outgoing.channel("pager", "pagerduty", routing_key="k", url=receiver.url)
    two = notification(alert(1), alert(2), channel="pager")
    await outgoing.add(two, notification(alert(3)))
    async with delivering(outgoing.database, max_attempts=2):
        await outgoing.until_states("dead", "sent")
    first, _ = await outgoing.rows("last_error", "notification")
    assert first.last_error == "an error of our own: ValueError; it is in the log"


@pytest.mark.usefixtures("hook")
async def test_old_deliveries_are_deleted_and_new_ones_kept(outgoing: Outgoing) -> None:
    await outgoing.add(notification(alert(1)), notification(alert(2)), notification(alert(3)))
    async with outgoing.database.write() as session:
        old = """UPDATE alerts.notification SET created_at = now() - interval '31 d',
            state = CASE WHEN 1 = ANY(episode_ids) THEN 'sent' ELSE 'pending' END
            WHERE NOT 3 = ANY(episode_ids)"""
        await session.execute(text(old))
        await repository.purge(session, 30 * 86_400)
    assert [row.episode_ids for row in await outgoing.rows("episode_ids", "notification")] == [
        [2],
        [3],
    ]


@pytest.mark.usefixtures("hook")
async def test_no_log_line_holds_a_secret(
    outgoing: Outgoing, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of a failure of the receiver nor of an error of our own."""

    def broken(channel: Channel, *_: object) -> Request:
        raise RuntimeError(f"cannot use {dict(channel.secrets)}")

    receiver.answers.append(Answer(500, body=b"s3cret /abcdefgh"))
    await outgoing.add(notification(alert(1)))
    with structlog.testing.capture_logs() as logs:
        async with delivering(outgoing.database, max_attempts=2):
            await outgoing.until_states("sent")
            monkeypatch.setitem(HTTP_KINDS, "webhook", HttpKind(broken))
            await outgoing.add(notification(alert(2)))
            await outgoing.until_states("sent", "dead")
    assert {"delivery_failed", "delivery_broken"} <= {line["event"] for line in logs}
    for secret in ("s3cret", "abcdefgh"):
        assert secret not in str(logs)
    assert "in broken" in str(logs), "the place of an error is notified"
