"""A log that no longer holds what is to be applied next is refused; nothing is guessed."""

import asyncio
import os
import subprocess
import sys
import time

import httpx
from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from burnline.localstack.services import PLAIN_HTTP
from common.kafka.topics import METRICS
from tests.faults.harness.members import Member
from tests.faults.harness.stored import read_effects
from tests.faults.harness.topic_log import log_ends
from tests.faults.model import table_differences
from tests.faults.scenario import Scenario
from tests.faults.traffic import Mix, Traffic
from tests.support.servers.cluster import kafka_admin

# the offsets of the new topic name other records than those of the old one, and the topic of dead
# letters and the marks of forwarded records remember the old ones
MIX = Mix(poison=0, misrouted=0)


async def test_topic_made_anew_is_refused_until_the_ledger_is_reset(scenario: Scenario) -> None:
    member = await applied_and_stopped(scenario)
    await scenario.end_of_log()
    await scenario.cluster.fresh_topics(METRICS.name)
    await scenario.send(scenario.traffic.take(200))
    await refused_until_reset(scenario, member, "the topic was made anew")


async def test_retention_past_the_offset_is_refused_until_the_ledger_is_reset(
    scenario: Scenario,
) -> None:
    member = await applied_and_stopped(scenario)
    await scenario.send(scenario.traffic.take(200))
    await scenario.end_of_log()
    await delete_all_records(scenario)
    await scenario.send(scenario.traffic.take(200))
    await refused_until_reset(scenario, member, "retention has passed")


async def applied_and_stopped(scenario: Scenario) -> Member:
    scenario.traffic = Traffic(1, 4, MIX)
    member = scenario.member("a")
    member.start()
    await scenario.send(scenario.traffic.take(600))
    found = await scenario.differences()
    assert not found, "\n".join(found)
    await member.stop()
    return member


async def refused_until_reset(scenario: Scenario, member: Member, reason: str) -> None:
    before = await read_effects(scenario.database_url)
    member.start()
    failing = await wait_refused(member)
    assert len(failing) == 4
    assert all(reason in text and "ledger reset" in text for text in failing.values())
    after = await read_effects(scenario.database_url)
    for table in ("counts", "latency", "services", "next_offsets"):
        assert not table_differences(table, getattr(before, table), getattr(after, table))
    await reset_ledger(scenario)
    await scenario.send(scenario.traffic.take(200))
    found = await scenario.differences()
    assert not found, "\n".join(found)


async def wait_refused(member: Member) -> dict[str, str]:
    """Return what readiness says of each shard once all of them are refused."""
    deadline = time.monotonic() + 120
    async with httpx.AsyncClient(base_url=member.url, trust_env=False, verify=PLAIN_HTTP) as client:
        while True:
            try:
                failing: dict[str, str] = (await client.get("/readyz")).json()["failing"]
            except httpx.HTTPError:
                failing = {}
            refused = {name: text for name, text in failing.items() if name.startswith("shard ")}
            if len(refused) == 4 or time.monotonic() > deadline:
                return refused
            await asyncio.sleep(0.1)


async def reset_ledger(scenario: Scenario) -> None:
    command = (sys.executable, "-m", "burnline.main", "ledger", "reset", "--yes")
    environment = {**os.environ, "DATABASE_URL": scenario.database_url}
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def delete_all_records(scenario: Scenario) -> None:
    """Move the beginning of each log to its end, as retention does in time."""
    ends = await log_ends(scenario.bootstrap, METRICS.name)
    async with kafka_admin(scenario.bootstrap) as admin:
        await admin.delete_records(
            {
                TopicPartition(METRICS.name, partition): RecordsToDelete(before_offset=end)
                for partition, end in ends.items()
            }
        )
