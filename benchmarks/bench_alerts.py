"""All services change level at the same time: how long until everybody is told, at which cost.

The alerts service runs with its production settings on real servers; a receiver on loopback, in a
process of its own, takes webhooks. All services burn at once, then all recover at once.
"""

import asyncio
import json
import logging
import multiprocessing
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

import asyncpg
from real_run import Servers, measured, options, servers

from alerts.app import Alerts
from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import Moment, ServiceState
from alerts.domain.evaluate import decide
from alerts.settings import AlertsSettings, AllSettings
from common.alerting.default_rules import default_rules
from common.config.settings import KafkaSettings
from common.decisions.readings import Inputs
from common.events import ChannelChanged
from common.kafka.topics import ensure_topics
from tests.support.alerts.in_memory import START, rule, slo, snapshot
from tests.support.alerts.receiver import receiving
from tests.support.alerts.service import (
    SHARDS,
    alerts_settings,
    in_force,
    publish_rules,
    publish_state,
    shot,
)
from tests.support.burnrate_service import boot

FAST = (20.0, 0.0, 0.0, 0.0)
GIVE_UP_SECONDS = 120.0
ROUNDS_OF_DECISIONS = 5


@dataclass(frozen=True, slots=True)
class Burst:
    """What it took to tell of all services."""

    decided_seconds: float
    delivered_seconds: float
    cpu_seconds: float
    notifications: int

    def __str__(self) -> str:
        return (
            f"decided after {self.decided_seconds:.2f} s, all delivered after "
            f"{self.delivered_seconds:.2f} s, {self.cpu_seconds:.2f} s of processor, "
            f"{self.notifications} requests"
        )


def receive(connection: Connection) -> None:
    """Run a receiver; tell its address, and at the end how many alerts of each kind arrived."""
    with receiving() as receiver:
        connection.send(receiver.url)
        connection.recv()
        alerts = [a for r in receiver.received for a in r.json()["alerts"]]
        keys = {(a["fingerprint"], a["annotations"]["transition"]) for a in alerts}
        connection.send((len(receiver.received), len(alerts), len(keys)))


async def prepare(database_url: str, bootstrap: str, address: str) -> None:
    """Make topics, the channel and the rule."""
    await ensure_topics(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap), SHARDS)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO catalog.channels (name, kind, secrets) VALUES ('hook', 'webhook', $1)",
        json.dumps({"url": f"{address}/hook"}),
    )
    await connection.close()
    hook = ChannelChanged(5, 2, "hook", "webhook", enabled=True, retired=False)
    await publish_rules(bootstrap, ("channel/hook", hook))
    levels = [{"severity": "page", "long_windows_seconds": [3600]}]
    page = rule("burn-rate-page", "burn_rate", levels, channels=["hook"])
    await in_force(bootstrap, page, revision=6)


async def burst(
    connection: Any, settings: AllSettings, names: Sequence[str], pairs: tuple[float, ...]
) -> Burst:
    """Publish the same of every service; wait until all of it is told."""
    told = "SELECT count(*), count(*) FILTER (WHERE state = 'sent') FROM alerts.notification"
    state = "firing" if any(pairs) else "resolved"
    before = (await connection.fetchrow(told))[0]
    cpu, began = time.process_time(), time.perf_counter()
    await publish_state(boot(settings), [shot(n, slo(pairs=pairs)) for n in names])
    decided = 0.0
    while time.perf_counter() - began < GIVE_UP_SECONDS:
        episodes = await connection.fetchval(
            "SELECT count(*) FROM alerts.episode WHERE state = $1", state
        )
        if episodes == len(names) and not decided:
            decided = time.perf_counter() - began
        written, sent = await connection.fetchrow(told)
        if decided and written == sent:
            return Burst(
                decided,
                time.perf_counter() - began,
                time.process_time() - cpu,
                written - before,
            )
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{episodes} of {len(names)} episodes, {sent} of {written} sent")


async def run(database_url: str, bootstrap: str, services: int) -> tuple[Burst, Burst, int]:
    """Return the burst of firings, the burst of resolves, and the growth of memory in bytes."""
    settings = alerts_settings(database_url, bootstrap)
    settings.alerts = AlertsSettings()
    names = [f"service-{i:04d}" for i in range(services)]
    service = Alerts(settings, SHARDS)
    task = asyncio.create_task(service.run())
    connection = await asyncpg.connect(database_url)
    await publish_state(bootstrap, [shot(name, slo()) for name in names])
    while await service.failing():
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fired = await burst(connection, settings, names, FAST)
    resolved = await burst(connection, settings, names, (0.0, 0.0, 0.0, 0.0))
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    await connection.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return fired, resolved, growth * 1024


async def decisions(services: int) -> tuple[float, float]:
    """Return the microseconds of an evaluation by the default rules: quiet, and on fire."""
    configuration, found = AlertConfiguration(default_rules()), []
    for pairs in ((0.0, 0.0, 0.0, 0.0), FAST):
        shots = [snapshot(slo(pairs=pairs), service=f"s{i}") for i in range(services)]
        states = {s.service_name: ServiceState() for s in shots}
        began = time.process_time()
        for _ in range(ROUNDS_OF_DECISIONS):
            for one in shots:
                state = states[one.service_name]
                made = decide(one.service_name, state, Inputs(one), configuration, Moment(START, 0))
                states[one.service_name] = made.state(made.numbered(count(1)))
        spent = time.process_time() - began
        found.append(spent / services / ROUNDS_OF_DECISIONS * 1e6)
    return found[0], found[1]


def main() -> None:
    """Run servers and receiver, let all services burn and recover, print what it took."""
    chosen = options(__doc__, services=1000)
    logging.disable(logging.ERROR)
    quiet, burning = measured(decisions, chosen.services)
    print(f"one service by the default rules: quiet {quiet:.0f} us, on fire {burning:.0f} us")
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,))
    receiver.start()
    with servers() as found:
        fired, resolved, growth = bench(found, ours.recv(), chosen.services)
    print(f"{chosen.services} services burn at once: {fired}")
    print(f"{chosen.services} services recover at once: {resolved}")
    print(f"memory grew by {growth / 2**20:.0f} MiB at the most")
    ours.send(None)
    requests, alerts, distinct = ours.recv()
    receiver.join()
    print(f"the receiver: {requests} requests, {alerts} alerts, {distinct} different transitions")
    if distinct != 2 * chosen.services:
        raise SystemExit(f"expected {2 * chosen.services} different transitions")


def bench(found: Servers, address: str, services: int) -> tuple[Burst, Burst, int]:
    """Measure in a process of its own."""
    database_url = found.new_database("alerts")
    asyncio.run(prepare(database_url, found.bootstrap, address))
    return measured(run, database_url, found.bootstrap, services)


if __name__ == "__main__":
    main()
