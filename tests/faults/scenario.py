"""One scenario: fresh topics and a fresh database, members, traffic, and the oracle."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from zlib import crc32

import asyncpg
import httpx
import pytest
from aiokafka.errors import KafkaError

from burnline.localstack.services import PLAIN_HTTP
from common.kafka.client import Record, header
from common.kafka.topics import BURNRATES, METRICS, METRICS_DEAD
from tests.faults.harness.members import Member
from tests.faults.harness.stored import read_effects, read_progress
from tests.faults.harness.topic_log import log_ends, read_log
from tests.faults.model import (
    Effects,
    acknowledgement_faults,
    differences,
    expected_effects,
    table_differences,
)
from tests.faults.sender import Sender
from tests.faults.traffic import Mix, Sent, Traffic
from tests.support.servers.cluster import SHARDS, Cluster, kafka_admin, put_out_all
from tests.support.waiting import PATIENCE_SECONDS

SETTLE_SECONDS: Final = PATIENCE_SECONDS
_POLL_SECONDS: Final = 0.2
TOKEN: Final = "faults"


class Scenario:
    """What a scenario works with; `close` ends every process of it."""

    def __init__(self, cluster: Cluster, database: str, folder: Path, traffic: Traffic) -> None:
        self.cluster, self.traffic = cluster, traffic
        self.database_url = cluster.database_url(database)
        self.bootstrap = cluster.bootstrap()
        self.sender = Sender(self.bootstrap)
        self.members: list[Member] = []
        self.recognize: Callable[[list[Record]], list[Record]] = list
        """Names what stands on the topic for what was sent, where it was not sent to Kafka."""
        self._database, self._folder = database, folder
        self._other_database_url = ""
        self._earlier_logs: list[list[Record]] = []
        self._unacknowledged: dict[int, Sent] = {}

    def use_database(self, url: str) -> None:
        """Let the scenario work on a database that is not the cluster's."""
        self.database_url = self._other_database_url = url

    def member(self, name: str, *, proxied: bool = False, **environment: str) -> Member:
        """Return a burnrate process that is not started yet."""
        return self.process(name, "burnrate", proxied=proxied, **environment)

    def gateway(self) -> Member:
        """Return a gateway that is not started yet."""
        return self.process("gateway", "api_gateway")

    async def send(self, records: Sequence[Sent]) -> None:
        """Send records; return once they are acknowledged."""
        self._unacknowledged.update({record.number: record for record in records})
        await self.sender.send(records)
        for record in records:
            del self._unacknowledged[record.number]

    async def send_bursts(
        self, size: int, pause_seconds: float, ended: asyncio.Event | None = None
    ) -> None:
        """Send poison of every kind, then bursts until that is enough, or for ever."""
        await self.send(self.traffic.poison_of_every_kind())
        while ended is None or not ended.is_set():
            await self.send(self.traffic.take(size))
            await asyncio.sleep(pause_seconds)

    def sums(self, expected: Effects) -> str:
        """Return how much was sent, for a report."""
        return (
            f"records={sum(expected.next_offsets.values())} "
            f"sent_again={self.sender.unknown_outcomes} dead_letters={len(expected.dead_letters)}"
        )

    async def send_again_what_is_unknown(self) -> None:
        """Send what a cancelled `send` has left without an acknowledgement."""
        await self.send(list(self._unacknowledged.values()))

    def keep_logs(self, folder: Path) -> None:
        """Copy what every process has written."""
        for member in self.members:
            (folder / f"{member.name}.log").write_text(member.log)

    async def forget_members(self) -> None:
        """Put all members out of the group, for those that are dead or frozen."""
        await put_out_all(self.bootstrap)

    async def differences(self, seconds: float = SETTLE_SECONDS) -> list[str]:
        """Wait until everything is applied and published, then compare every row.

        What is still unequal when the time is up is returned.
        """
        deadline = time.monotonic() + seconds
        unsettled = await self._settle(deadline)
        while True:
            found = [*unsettled, *await self._compare()]
            if not found or unsettled or time.monotonic() > deadline:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    async def rest_differences(
        self, url: str, seconds: float = PATIENCE_SECONDS, headers: dict[str, str] | None = None
    ) -> list[str]:
        """Compare what the gateway answers with the model; return what stays unequal."""
        expected, _ = await self.expected()
        expected_slos = {name: snapshot[:2] for name, snapshot in expected.snapshots.items()}
        deadline = time.monotonic() + seconds
        async with httpx.AsyncClient(
            base_url=url, headers=headers, trust_env=False, verify=PLAIN_HTTP
        ) as client:
            while True:
                answers = {name: await _slo(client, name) for name in expected_slos}
                found = table_differences("REST", expected_slos, answers)
                if not found or time.monotonic() > deadline:
                    return found
                await asyncio.sleep(_POLL_SECONDS)

    async def expected(self) -> tuple[Effects, list[str]]:
        """Return what the model makes of the topic, and what is wrong with the topic."""
        log = self.recognize(await read_log(self.bootstrap, METRICS.name))
        ends = await log_ends(self.bootstrap, METRICS.name)
        cluster = await cluster_id(self.bootstrap)
        logs = [*self._earlier_logs, log]
        effects, faults = expected_effects(logs, self.traffic.sent, SHARDS, cluster, ends)
        return effects, [*faults, *acknowledgement_faults(self.sender.acknowledged, log)]

    async def drop_database(self) -> None:
        """Lose everything that the services have stored."""
        await self.cluster.drop_and_create(self._database)

    async def end_of_log(self) -> None:
        """Note that the topic's records as applied now are about to be deleted."""
        offsets, _ = await read_progress(self.database_url)
        log = await read_log(self.bootstrap, METRICS.name)
        applied = [r for r in log if r.offset < offsets[METRICS.name, r.partition]]
        self._earlier_logs.append(applied)
        self.sender.acknowledged.clear()

    async def published(self) -> list[Record]:
        """Return all that stands on the topic of results."""
        return await read_log(self.bootstrap, BURNRATES.name)

    async def wait_applied(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until every record is applied and nothing waits in the outbox; fail otherwise."""
        assert await self.settle(seconds) == []

    async def settle(self, seconds: float = SETTLE_SECONDS) -> list[str]:
        """Wait as `wait_applied` does; return what is left undone when the time is up."""
        return await self._settle(time.monotonic() + seconds)

    async def close(self) -> None:
        """End every process of the scenario."""
        for member in self.members:
            member.kill()
        await self.sender.stop()

    def process(
        self, name: str, service: str, *, proxied: bool = False, **environment: str
    ) -> Member:
        """Return a process of any service that is not started yet."""
        addresses = {
            "DATABASE_URL": self._other_database_url
            or self.cluster.database_url(self._database, proxied=proxied),
            "KAFKA_BOOTSTRAP_SERVERS": self.cluster.bootstrap(proxied=proxied),
            "BURNLINE_HOST": "127.0.0.1",
            "BURNLINE_PARTITIONS": str(SHARDS),
            "BURNLINE_API_TOKEN": TOKEN,
        }
        member = Member(name, service, {**addresses, **environment}, self._folder / name)
        self.members.append(member)
        return member

    async def _settle(self, deadline: float) -> list[str]:
        """Wait until all is applied; return what is not when the time is up."""
        while True:
            try:
                ends = await log_ends(self.bootstrap, METRICS.name)
                offsets, waiting = await read_progress(self.database_url)
            except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError) as error:
                lag = [f"no answer: {error!r}"]
            else:
                expected_slos = {(METRICS.name, shard): end for shard, end in ends.items()}
                own = {k: v for k, v in offsets.items() if k[0] == METRICS.name}
                lag = table_differences("unapplied", expected_slos, own)
                lag += [f"{waiting} records wait in the outbox"] if waiting else []
            if not lag or time.monotonic() > deadline:
                return lag
            await asyncio.sleep(_POLL_SECONDS)

    async def _compare(self) -> list[str]:
        expected, faults = await self.expected()
        found = await read_effects(self.database_url)
        for record in await read_log(self.bootstrap, METRICS_DEAD.name):
            found.dead_letters[header(record, "dedup_key") or ""] = header(record, "code") or ""
        return [*faults, *differences(expected, found)]


@asynccontextmanager
async def new_scenario(
    cluster: Cluster, folder: Path, seed: int, mix: Mix | None = None
) -> AsyncIterator[Scenario]:
    """Give a scenario on empty topics; end all of it with the block."""
    await cluster.fresh_topics()
    scenario = Scenario(cluster, await cluster.new_database(), folder, Traffic(seed, SHARDS, mix))
    try:
        yield scenario
    finally:
        await cluster.mend()
        await scenario.close()


async def cluster_id(bootstrap: str) -> str:
    """Return the id of the Kafka cluster."""
    async with kafka_admin(bootstrap) as admin:
        return str((await admin.describe_cluster())["cluster_id"])


async def _slo(client: httpx.AsyncClient, service: str) -> tuple[int, int] | None:
    with contextlib.suppress(httpx.HTTPError):
        answer = await client.get(f"/api/slo/{service}")
        if answer.status_code == httpx.codes.OK:
            slo = answer.json()["slos"][0]
            return slo["total"], slo["bad"]
    return None


@pytest.fixture
async def scenario(
    running_cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Scenario]:
    """A scenario; its seed is made of the test's name."""
    seed = crc32(request.node.name.encode())
    async with new_scenario(running_cluster, tmp_path, seed) as made:
        yield made
