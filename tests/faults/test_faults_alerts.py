"""Alerts killed between decision, commit and delivery: a receiver that records is the oracle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from msgspec.json import encode as json

from common.events import ChannelChanged
from tests.faults.harness.members import Member
from tests.support.alerts.in_memory import rule, slo
from tests.support.alerts.receiver import Answer, Receiver, receiving
from tests.support.alerts.service import (
    SHARDS,
    in_force,
    publish_rules,
    publish_state,
    rows_of,
    shot,
)
from tests.support.burnrate_service import eventually
from tests.support.servers.cluster import put_out_all
from tests.support.waiting import PATIENCE_SECONDS

NAME = "burn-rate-page"
PAGE = rule(
    NAME,
    "burn_rate",
    [{"severity": "page", "long_windows_seconds": [3600]}],
    channels=["hook"],
    cooldown_seconds=0,
)
FAST = (20.0, 0.0, 0.0, 0.0)
SERVICES = ("checkout", "cart", "search", "login", "payments", "catalog", "reports", "reviews")
DECIDING = ("alerts.before_transaction", "alerts.before_commit", "alerts.after_commit")
DELIVERING = ("delivery.before_send", "delivery.after_send")
TELLING = ("outbox.after_publish",)

Told = Counter[tuple[str, str]]
"""How often a transition (in the words of the receiver) of an episode arrived, by its key."""


@dataclass
class AlertsScenario:
    """A database, topics, a receiver, and the processes of the alerts service."""

    url: str
    bootstrap: str
    receiver: Receiver
    folder: Path
    members: list[Member] = field(default_factory=list)

    async def start(self, failpoint: str = "", action: str = "KILL") -> Member:
        """Start a process that kills or stops itself at the first passage of a failpoint."""
        environment = {
            "DATABASE_URL": self.url,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "ALERTS_TICK_SECONDS": "0.1",
            "BURNLINE_SHARD_SILENCE_SECONDS": "600",  # signs of life are published once
            "ALERTS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ALERTS_DELIVERY_CONCURRENCY": "1",  # a kill costs as many repeats as are under way
            "ALERTS_DELIVERY_LEASE_SECONDS": "2",
            "ALERTS_DELIVERY_TIMEOUT_SECONDS": "1",
            "ALERTS_DELIVERY_FIRST_RETRY_SECONDS": "0.1",
        }
        folder = self.folder / f"member-{len(self.members)}"
        member = Member(folder.name, "alerts", environment, folder)
        self.members.append(member)
        member.start(f"{failpoint}:1:{action}" if failpoint else "")
        return member

    async def killed_at(self, failpoint: str, *, burning: bool) -> None:
        """Publish what has changed, let a process end itself there, and let the next go on."""
        member = await self.start(failpoint)
        await self.publish(burning=burning)
        await member.wait_ended(60)
        await put_out_all(self.bootstrap)

    async def publish(self, *, burning: bool) -> None:
        """Publish every service anew."""
        pairs = FAST if burning else (0.0, 0.0, 0.0, 0.0)
        await publish_state(self.bootstrap, [shot(name, slo(pairs=pairs)) for name in SERVICES])

    async def settled(self, state: str) -> None:
        """Wait until every service's newest episode is in a state and all is delivered."""
        newest = """SELECT count(*)::int FROM (
            SELECT DISTINCT ON (service_name) state FROM alerts.episode WHERE rule = $1
            ORDER BY service_name, id DESC) AS e WHERE state = $2"""
        everyone = [(len(SERVICES),)]
        await eventually(lambda: rows_of(self.url, newest, NAME, state), everyone, PATIENCE_SECONDS)
        pending = "SELECT count(*)::int FROM alerts.notification WHERE state <> 'sent'"
        await eventually(lambda: rows_of(self.url, pending), [(0,)], PATIENCE_SECONDS)

    def told(self) -> Told:
        """Return what has arrived, also what was answered with an error."""
        bodies = [request.json() for request in self.receiver.received]
        return Counter(
            (alert["fingerprint"], alert["annotations"]["transition"])
            for body in bodies
            for alert in body["alerts"]
        )

    async def decided(self) -> set[tuple[str, str]]:
        """Return (key, transition) of all that was to be told."""
        rows = await rows_of(
            self.url,
            """SELECT a ->> 'dedup_key', a ->> 'transition' FROM alerts.notification n,
                jsonb_array_elements(n.payload -> 'alerts') a""",
        )
        return {(key, transition) for key, transition in rows}


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
async def scenario(
    database: str, fresh_topics: str, tmp_path: Path
) -> AsyncIterator[AlertsScenario]:
    with receiving() as receiver:
        found = AlertsScenario(database, fresh_topics, receiver, tmp_path)
        secrets = json({"url": f"{receiver.url}/hook"}).decode()
        connection = await asyncpg.connect(found.url)
        try:
            await connection.execute(
                "INSERT INTO catalog.channels (name, kind, secrets) VALUES ('hook', 'webhook', $1)",
                secrets,
            )
        finally:
            await connection.close()
        hook = ChannelChanged(5, 2, "hook", "webhook", enabled=True, retired=False)
        await publish_rules(found.bootstrap, ("channel/hook", hook))
        await in_force(found.bootstrap, PAGE, revision=6)
        yield found
        for member in found.members:
            member.kill()
        await put_out_all(found.bootstrap)


@pytest.mark.parametrize("failpoint", [*DECIDING, *DELIVERING, *TELLING])
async def test_killed_anywhere_each_transition_arrives(
    scenario: AlertsScenario, failpoint: str
) -> None:
    await scenario.killed_at(failpoint, burning=True)
    survivor = await scenario.start()
    await scenario.settled("firing")
    survivor.kill()
    await put_out_all(scenario.bootstrap)
    await scenario.killed_at(failpoint, burning=False)
    await scenario.start()
    await scenario.settled("resolved")
    told, decided = scenario.told(), await scenario.decided()
    assert set(told) == decided
    assert {transition for _, transition in told} == {"firing", "resolved"}
    assert len(told) == 2 * len(SERVICES)  # no episode was opened twice
    kills = 2
    assert sum(told.values()) - len(told) <= kills
    if failpoint in DECIDING:
        assert sum(told.values()) == len(told)  # whatever is killed before delivery costs nothing


async def test_two_processes_and_a_bad_receiver_lose_nothing(scenario: AlertsScenario) -> None:
    """One process of two is killed while the receiver fails; the other takes over."""
    failing = [Answer(500), Answer(429, {"Retry-After": "1"}), Answer(raw=b"no HTTP\r\n\r\n")]
    scenario.receiver.answers.extend(failing * 4)
    first, _ = await scenario.start(), await scenario.start()
    await eventually(
        lambda: rows_of(scenario.url, "SELECT count(*)::int FROM alerts.shard"), [(SHARDS,)]
    )
    await scenario.publish(burning=True)
    await asyncio.sleep(0.5)
    first.kill()
    await put_out_all(scenario.bootstrap)
    await scenario.settled("firing")
    await scenario.publish(burning=False)
    await scenario.settled("resolved")
    assert set(scenario.told()) == await scenario.decided()
    assert len(scenario.told()) == 2 * len(SERVICES)


@pytest.mark.parametrize("failpoint", ["alerts.before_transaction", "alerts.after_commit"])
async def test_a_process_that_is_thawed_after_another_took_over_tells_nobody(
    scenario: AlertsScenario, failpoint: str
) -> None:
    frozen = await scenario.start(failpoint, "STOP")
    await scenario.publish(burning=True)
    await frozen.wait_hit(failpoint)
    await put_out_all(scenario.bootstrap)
    await scenario.start()
    await scenario.settled("firing")
    frozen.thaw()
    await scenario.publish(burning=False)
    await scenario.settled("resolved")
    told = scenario.told()
    assert set(told) == await scenario.decided()
    assert sum(told.values()) == len(told) == 2 * len(SERVICES)
