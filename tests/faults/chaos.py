"""Seeded chaos: `python -m tests.faults.chaos --seed N --seconds S` (or `make chaos`).

Members under restart, both servers, both networks, and traffic of every kind, for S seconds;
then all is healed and every row is compared with the model. Exit code 0: all is equal.
"""

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from common.runtime.loops import background
from tests.faults.harness.members import Member
from tests.faults.scenario import Scenario, new_scenario
from tests.support.burnrate_service import query
from tests.support.servers.cluster import own_cluster
from tests.support.servers.running import Server

SETTLE_SECONDS: Final = 60.0
_START_SECONDS: Final = 120.0
_BURST: Final = 80
_BURST_SECONDS: Final = 0.1
Fault = Callable[[], Awaitable[None]]
_FAILPOINTS: Final = (
    "ledger.before_transaction",
    "ledger.after_lock",
    "ledger.after_apply",
    "ledger.after_commit",
    "evaluator.before_publish",
    "evaluator.after_publish",
    "outbox.after_publish",
    "outbox.before_commit",
)


class Chaos:
    """What is done to a scenario, drawn from one seed; `done` counts it.

    Members are hurt by one task, servers and networks by another, both at once.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._world, self._random = scenario, random.Random(seed)
        self._healed = False
        self._outside = random.Random(f"servers of {seed}")
        count = self._random.choice((2, 3))
        self._members = [scenario.member(name, proxied=self._chance(0.6)) for name in "abc"[:count]]
        self._kinds: tuple[tuple[random.Random, dict[Fault, int]], ...] = (
            (self._random, {self._kill: 4, self._stop: 3, self._failpoint: 6, self._freeze: 3}),
            (self._outside, {self._postgres: 3, self._kafka: 1, self._network: 6}),
        )

    async def run(self, seconds: float) -> None:
        """Hurt the scenario for so long, then heal it; every member runs at the end."""
        for member in self._members:
            member.start()
        deadline = time.monotonic() + seconds
        async with asyncio.TaskGroup() as hurting:
            for choose, faults in self._kinds:
                hurting.create_task(self._hurt(choose, faults, deadline))
        for proxy in (self._world.cluster.postgres_proxy, self._world.cluster.kafka_proxy):
            proxy.heal()
        self._healed = True

    async def _hurt(self, choose: random.Random, faults: dict[Fault, int], deadline: float) -> None:
        while time.monotonic() < deadline:
            await asyncio.sleep(choose.uniform(0.2, 2.0))
            await choose.choices(list(faults), list(faults.values()))[0]()

    async def keep_up(self) -> None:
        """Start what has ended, as a supervisor does; after the healing nothing stays frozen.

        A failpoint may come to be passed only then.
        """
        while True:
            for member in self._members:
                if not member.is_running:
                    member.start()
                if self._healed:
                    member.thaw()
            await asyncio.sleep(0.3)

    async def _kill(self) -> None:
        self._note("kill")
        self._one().kill()

    async def _stop(self) -> None:
        self._note("stop")
        self._one().send(signal.SIGTERM)

    async def _failpoint(self) -> None:
        """Start a member anew so that it ends or freezes itself a little later."""
        member, place = self._one(), self._random.choice(_FAILPOINTS)
        action = "STOP" if self._chance(0.3) else "KILL"
        member.kill()
        member.start(f"{place}:{self._random.randrange(1, 12)}:{action}")
        self._note(f"{place}:{action}")
        if action == "STOP":
            await asyncio.sleep(self._random.uniform(4, 14))
            member.thaw()

    async def _freeze(self) -> None:
        """Freeze a member for less or for more than its session lasts."""
        self._note("freeze")
        member = self._one()
        member.freeze()
        await asyncio.sleep(self._random.choice((1, 3, 12)))
        member.thaw()

    async def _postgres(self) -> None:
        await self._kill_server("postgres", self._world.cluster.postgres, 2)

    async def _kafka(self) -> None:
        await self._kill_server("kafka", self._world.cluster.kafka, 1)

    async def _kill_server(self, name: str, server: Server, longest_seconds: float) -> None:
        self._note(f"{name} kill")
        await server.kill()
        await asyncio.sleep(self._outside.uniform(0, longest_seconds))
        await server.start()

    async def _network(self) -> None:
        cluster = self._world.cluster
        server = self._outside.choice(("postgres", "kafka"))
        proxy = {"postgres": cluster.postgres_proxy, "kafka": cluster.kafka_proxy}[server]
        ways: dict[str, Callable[[], None]] = {
            "cut": proxy.cut,
            "black hole": proxy.black_hole,
            "hold": proxy.hold,
            "slow": lambda: proxy.slow(0.05, 200_000),
        }
        kind = self._outside.choice(list(ways))
        self._note(f"{server} {kind}")
        ways[kind]()
        await asyncio.sleep(self._outside.choice((0.5, 2, 5, 12)))
        proxy.heal()

    def _one(self) -> Member:
        return self._random.choice(self._members)

    def _note(self, what: str) -> None:
        self.done[what] += 1

    def _chance(self, ratio: float) -> bool:
        return self._random.random() < ratio


async def run(scenario: Scenario, seed: int, seconds: float) -> bool:
    """Run the chaos of a seed and say how it ended; True when every row is equal."""
    gateway, chaos = scenario.gateway(), Chaos(scenario, seed)
    gateway.start()
    async with background(chaos.keep_up()):
        async with background(scenario.send_bursts(_BURST, _BURST_SECONDS)):
            await chaos.run(seconds)
        await scenario.send_again_what_is_unknown()
        began = time.monotonic()
        found = await scenario.differences(SETTLE_SECONDS)
        settle_seconds = time.monotonic() - began
        if not gateway.is_running:
            gateway.start()
        found += await scenario.rest_differences(gateway.url, 30)
    expected, _ = await scenario.expected()
    epochs = await query(scenario.database_url, "SELECT max(epoch) FROM burnrate.shard")
    outcome = (
        f"{'FAIL' if found else 'PASS'} seed={seed} seconds={seconds:g} "
        f"settle_seconds={settle_seconds:.1f} {scenario.sums(expected)} "
        f"highest_epoch={epochs[0][0]} faults={dict(sorted(chaos.done.items()))}"
    )
    typer.echo("\n".join([*found, outcome]))
    return not found


async def chaos(seed: int, seconds: float, folder: Path) -> bool:
    """Make a cluster, run the chaos on it, and leave nothing behind."""
    with own_cluster(folder) as cluster:
        await cluster.start()
        async with new_scenario(cluster, folder / "members", seed) as scenario:
            async with asyncio.timeout(seconds + _START_SECONDS + SETTLE_SECONDS):
                equal = await run(scenario, seed, seconds)
            if not equal:
                kept = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
                scenario.keep_logs(kept)
                typer.echo(f"logs: {kept}")
            return equal


def main(seed: Annotated[int, typer.Option()], seconds: float = 60.0) -> None:
    """Hurt real servers by a seed, then compare every row; exit 0 when all is equal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(
        prefix="burnline-chaos-", ignore_cleanup_errors=True
    ) as folder:
        equal = asyncio.run(chaos(seed, seconds, Path(folder)))
    raise typer.Exit(0 if equal else 1)


if __name__ == "__main__":
    typer.run(main)
