"""Delivery under fire: killed processes, bad receivers, a database that is away.

The oracle is a receiver that records. Whatever happens, each notification is accepted at least
once, in the order of its episode; what comes again comes with the same keys, and at most one of
them for each place that a killed process had.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from alerts.domain.notifications import Notification
from burnline.localstack.forked import Fork, start_service
from tests.support.alerts.outgoing import (
    Outgoing,
    alert,
    connected,
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
from tests.support.servers.proxy import HOST, Proxy
from tests.support.waiting import PATIENCE_SECONDS

EPISODES = 25
ENVIRONMENT = {
    "ALERTS_ALLOWED_NETWORKS": "127.0.0.0/8",
    "ALERTS_DELIVERY_IDLE_SECONDS": "0.02",
    "ALERTS_DELIVERY_TIMEOUT_SECONDS": "2",
    "ALERTS_DELIVERY_LEASE_SECONDS": "2.2",
    "ALERTS_DELIVERY_FIRST_RETRY_SECONDS": "0.01",
    "ALERTS_DELIVERY_LONGEST_RETRY_SECONDS": "0.05",
    "ALERTS_DELIVERY_MAX_ATTEMPTS": "200",
}


class Killed:
    """A process that delivers, started again whenever it has ended."""

    def __init__(self, database_url: str, folder: Path, **environment: str) -> None:
        self.kills = 0
        self._log = folder / "delivery.log"
        self._process: Fork | None = None
        self._environment = {
            **os.environ,
            **ENVIRONMENT,
            "DATABASE_URL": database_url,
            "BURNLINE_DATA_DIR": str(folder),
            **environment,
        }

    def keep_running(self) -> None:
        """Start it, unless it lives."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            assert self._process.returncode == -9, self._log.read_text()
            self.kills += 1
        self._process = start_service(
            "tests.faults.harness.delivery_process", self._environment, self._log
        )

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()


def workload() -> list[Notification]:
    """Two notices for each episode: its firing, its end."""
    firing = [notification(alert(n)) for n in range(1, EPISODES + 1)]
    return firing + [notification(resolved(n)) for n in range(1, EPISODES + 1)]


async def check(outgoing: Outgoing, receiver: Receiver, kills: int, places: int) -> None:
    expected = [n.notice_key for n in workload()]
    accepted = notification_keys(receiver.accepted)
    assert set(accepted) == set(expected), "a notification was lost"
    assert len(accepted) - len(expected) <= kills * places, "more came again than was killed"
    assert all(times <= 1 + kills for times in Counter(accepted).values())
    for number in range(1, EPISODES + 1):
        firing, end = (
            notification(alert(number)).notice_key,
            notification(resolved(number)).notice_key,
        )
        mine = [key for key in accepted if key in {firing, end}]
        assert mine == sorted(mine, key=[firing, end].index), "a resolve overtook its firing"
    await _check_attempts(outgoing, receiver, kills, places)


async def _check_attempts(outgoing: Outgoing, receiver: Receiver, kills: int, places: int) -> None:
    """What reached the receiver was recorded before: there are at least as many attempts."""
    columns = "notice_key, count(*) AS attempts, count(*) - count(outcome) AS unknown"
    table = "attempt JOIN alerts.notification n ON n.id = notification_id GROUP BY notice_key"
    rows = await outgoing.rows(columns, table, order="notice_key")
    recorded = {row.notice_key: row.attempts for row in rows}
    for key, times in Counter(notification_keys(receiver.received)).items():
        assert times <= recorded[key], "a request went out that was not recorded"
    assert sum(row.unknown for row in rows) <= kills * places


async def finish(outgoing: Outgoing, killed: Killed, after: Any = None) -> None:
    """Start the process again and again until all is sent."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while set(await outgoing.states()) != {"sent"}:
            killed.keep_running()
            if after is not None:
                await after()
            await asyncio.sleep(0.02)


# what had ended is stored in the transaction of the next claim
EXTRA = {
    "delivery.before_claim_commit": {0, 1},
    "delivery.before_send": {0},
    "delivery.after_send": {1},
}


@pytest.mark.parametrize("failpoint", [*EXTRA])
async def test_a_process_that_is_killed_between_two_steps_loses_nothing(
    outgoing: Outgoing, postgres_url: str, receiver: Receiver, tmp_path: Path, failpoint: str
) -> None:
    await outgoing.channel("hook", url=receiver.url)
    await outgoing.add(*workload())
    killed = Killed(
        postgres_url,
        tmp_path,
        BURNLINE_FAILPOINTS=f"{failpoint}:7:KILL",
        ALERTS_DELIVERY_CONCURRENCY="1",
        # every answer comes: one that a busy machine delays must not count as none
        ALERTS_DELIVERY_TIMEOUT_SECONDS="5",
        ALERTS_DELIVERY_LEASE_SECONDS="6",
    )
    try:
        await finish(outgoing, killed)
        assert (tmp_path / f"failpoint-{failpoint}.hit").exists()
        assert killed.kills == 1
        await check(outgoing, receiver, killed.kills, places=1)
        extra = len(receiver.accepted) - 2 * EPISODES
        assert extra in EXTRA[failpoint]
    finally:
        killed.kill()


async def test_killed_at_random_with_a_receiver_at_its_worst(
    outgoing: Outgoing, postgres_url: str, receiver: Receiver, tmp_path: Path
) -> None:
    rng = random.Random(20261123)
    worst = [
        Answer(500),
        Answer(429, headers={"Retry-After": "0"}),
        GARBAGE,
        HANG_UP,
        NEVER,
        Answer(302, headers={"Location": "/elsewhere"}),
    ]

    def decide(_: Received) -> Answer:
        return rng.choice(worst) if rng.random() < 0.4 else Answer(delay_seconds=0.02)

    receiver.decide = decide
    await outgoing.channel("hook", url=receiver.url)
    await outgoing.add(*workload())
    killed = Killed(postgres_url, tmp_path, ALERTS_DELIVERY_CONCURRENCY="4")

    async def kill_now_and_then() -> None:
        if killed.kills < 4 and len(receiver.received) > 12 * (killed.kills + 1):
            killed.kill()

    try:
        await finish(outgoing, killed, kill_now_and_then)
        assert killed.kills >= 3
        await check(outgoing, receiver, killed.kills, places=4)
    finally:
        killed.kill()


async def test_a_receiver_that_was_down_gets_everything_once_it_is_back(
    outgoing: Outgoing,
) -> None:
    with receiving() as gone:
        port = gone.port
    await outgoing.channel("hook", url=f"http://{HOST}:{port}")
    await outgoing.add(*workload())
    async with delivering(outgoing.database, max_attempts=1000):

        async def all_have_failed() -> bool:
            rows = await outgoing.rows("*", "notification")
            return all(row.attempts for row in rows[:EPISODES])

        await eventually(all_have_failed)
        back = Receiver()
        back.start(port)
        try:
            await outgoing.until_states(*["sent"] * 2 * EPISODES)
        finally:
            back.stop()
    await check(outgoing, back, kills=0, places=0)


async def test_an_outcome_that_cannot_be_stored_is_not_sent_again(
    outgoing: Outgoing, postgres_url: str, receiver: Receiver
) -> None:
    """PostgreSQL is away when the answer comes, and stays away for longer than the lease."""
    await outgoing.channel("hook", url=receiver.url)
    url = make_url(postgres_url)
    assert url.port is not None
    proxy = Proxy(url.port)
    proxy.start()

    def cut_off(_: Received) -> Answer:
        proxy.cut()
        return Answer()

    receiver.decide = cut_off
    await outgoing.add(notification(alert(1)))
    through = url.set(host=HOST, port=proxy.port).render_as_string(hide_password=False)
    try:
        async with (
            connected(through) as database,
            delivering(database, timeout_seconds=0.9, lease_seconds=1.0),
        ):

            async def accepted() -> bool:
                return bool(receiver.accepted)

            async def lease_is_over() -> bool:
                over = "next_attempt_at < now() - interval '0.2 s' AS over"
                (row,) = await outgoing.rows(over, "notification")
                return bool(row.over)

            await eventually(accepted)
            await eventually(lease_is_over)
            proxy.heal()
            await outgoing.until_states("sent")
    finally:
        proxy.stop()
    assert len(receiver.received) == 1
