"""What a forecast costs: 1 000 services with 30 days of counts, on a real PostgreSQL.

A minute of ticks of 1 s by an injected clock, without sleeping: every service is forecast twice,
its counts of the last quarter of an hour are read anew, and all of a shard's once in 300 s. CPU
time of the service, and time that PostgreSQL takes, for each second of ticks. Nothing is sent.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import numpy as np
from bench_recovery import fill
from real_run import options, servers

from common.config.settings import DatabaseSettings
from common.ledger.ledger import ShardLedger
from common.ledger.shard import Ownership
from common.storage.database import Database
from forecast.forecasting import Forecaster
from forecast.handlers import Retired
from forecast.settings import ForecastSettings
from forecast.work import ForecastWork
from tests.support.burn_events import heartbeat, slo_status, snapshot
from tests.support.consumer_runtime import consumer_runtime

SHARD = 0
TICKS = 60


class NoBroker:
    """Counts what would be sent."""

    def __init__(self) -> None:
        self.sent = self.sent_bytes = 0

    async def send_all(self, records: Sequence[tuple[str, bytes, Any, int | None, Any]]) -> None:
        """Take records."""
        self.sent += len(records)
        self.sent_bytes += sum(len(value) for _, value, *_ in records)


class Run:
    """A forecaster whose services have all just been heard of."""

    def __init__(self, url: str, services: int, now: datetime) -> None:
        self.now, self.broker = now, NoBroker()
        self.database = Database.connect(DatabaseSettings(DATABASE_URL=url), "bench")
        settings = ForecastSettings(max_per_tick=services)
        runtime = consumer_runtime(
            "forecast", database=self.database, publisher=self.broker, clock=lambda: self.now
        )
        self.work = ForecastWork(settings, runtime.clock)
        owned = SimpleNamespace(owned={SHARD: Ownership(1, "bench", {}, {})})
        ledger = cast("ShardLedger", owned)
        self.forecaster = Forecaster(settings, runtime, ledger, self.work, Retired())
        self._names = [f"service-{number:04d}" for number in range(services)]

    async def begin(self) -> None:
        """Take the shard, and the snapshots of its services."""
        await self.work.load(cast("Any", None), SHARD)
        slo = slo_status(total=720_000_000, bad=360_000, error_budget_remaining=0.5)
        for name in self._names:
            self.work.services[SHARD].apply(snapshot(name, slo), self.now)

    async def tick(self) -> tuple[float, float]:
        """Return CPU seconds and seconds of one tick, a second after the last."""
        self.now += timedelta(seconds=1)
        self.work.services[SHARD].apply(heartbeat(SHARD, self.now), self.now)
        cpu, began = time.process_time(), time.perf_counter()
        await self.forecaster.tick()
        return time.process_time() - cpu, time.perf_counter() - began


async def measure(url: str, services: int) -> None:
    """Print the first tick, which reads everything, and what follows."""
    run = Run(url, services, datetime.now(UTC))
    await run.begin()
    first = await run.tick()
    ticks = np.array([await run.tick() for _ in range(TICKS)])
    made = run.broker.sent - services
    print(
        f"{services} services; first tick (all of them, all counts): {first[0]:.2f} s CPU, "
        f"{first[1]:.2f} s; then for each second: {ticks[:, 0].mean() * 1e3:.0f} ms CPU, "
        f"{ticks[:, 1].mean() * 1e3:.0f} ms in all, at most {ticks[:, 1].max() * 1e3:.0f} ms; "
        f"{made / TICKS:.0f} forecasts/s, {ticks[:, 0].sum() / made * 1e3:.2f} ms CPU and "
        f"{run.broker.sent_bytes / run.broker.sent:.0f} bytes each"
    )
    await run.database.close()


async def stored(url: str) -> int:
    """Return how many forecasts are stored."""
    client = await asyncpg.connect(url)
    found: int = await client.fetchval("SELECT count(*) FROM forecast.forecast")
    await client.close()
    return found


def main() -> None:
    """Measure on servers of our own."""
    chosen = options(__doc__, services=1_000, rounds=3)
    with servers() as real:
        for number in range(chosen.rounds):
            url = real.new_database(f"forecast_{number}")
            asyncio.run(fill(url, chosen.services, datetime.now(UTC)))
            asyncio.run(measure(url, chosen.services))
            assert asyncio.run(stored(url)) == chosen.services  # noqa: S101 - a check


if __name__ == "__main__":
    main()
