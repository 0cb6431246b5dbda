"""The tick: forecast what is due, publish it, keep the newest of each service."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from common.counts import reads
from common.counts.layout import Span, unpacked
from common.events import BurnRateSnapshot, ServiceForecast, SloForecast, SloStatus, encode
from common.kafka.topics import FORECASTS
from common.ledger.ledger import ShardLedger
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Ownership
from common.slo.freshness import as_lagging
from common.slo.streams import stream_of
from common.storage.newest import store_newest
from forecast.domain.due_services import DueServices
from forecast.domain.forecast import catching_up, look_ahead
from forecast.domain.shard_counts import LatencyKey, ShardCounts
from forecast.handlers import Retired
from forecast.metrics import FAILED, FORECASTS_MADE, OVERDUE, TICK_SECONDS
from forecast.settings import ForecastSettings
from forecast.work import ForecastWork

log = structlog.get_logger()


class Forecaster:
    """Forecasts the services of all shards that are held, each when it is due."""

    def __init__(
        self,
        settings: ForecastSettings,
        runtime: ConsumerRuntime,
        ledger: ShardLedger,
        work: ForecastWork,
        retired: Retired,
    ) -> None:
        self._settings, self._ledger, self._work = settings, ledger, work
        self._retired, self._database, self._clock = retired, runtime.database, runtime.clock
        self._publisher = runtime.publisher

    async def tick(self) -> None:
        """Forecast what is due now, at most as many services as one tick may have."""
        with TICK_SECONDS.time():
            quota, left = self._settings.max_per_tick, 0
            for shard, own in list(self._ledger.owned.items()):
                services = self._work.services.get(shard)
                if services is None or not own.state_topics.complete:
                    continue
                due = [n for n in services.due(self._clock()) if n not in self._retired]
                left += max(0, len(due) - quota)
                await self._forecast(shard, own, services, due[:quota])
                quota -= min(quota, len(due))
            OVERDUE.set(left)

    async def _forecast(
        self, shard: int, own: Ownership, services: DueServices, due: Sequence[str]
    ) -> None:
        """Forecast some services of a shard; what fails is due again at the next tick."""
        if not due:
            return
        now, counts = self._clock(), self._work.counts[shard]
        silent = services.silent(now)
        snapshots = [_lagging_if_silent(services.snapshots[n], silent=silent) for n in due]
        await self._bring_up_to_date(shard, counts, snapshots, now)
        found: list[ServiceForecast] = []
        for snapshot in snapshots:
            found += _service_forecasts(snapshot, counts, own.epoch, now)
            await asyncio.sleep(0)  # others are served between two services
        if self._ledger.owned.get(shard) is not own:
            return
        await self._publish(shard, found)
        behind = {f.service_name for f in found if _is_catching_up(f)}
        for snapshot in snapshots:
            services.done(snapshot, now, catching_up=snapshot.service_name in behind)

    async def _publish(self, shard: int, found: Sequence[ServiceForecast]) -> None:
        records = []
        for forecast in found:
            name = forecast.service_name
            headers = self._work.traces.hand_on(name, "forecast")
            records.append((FORECASTS.name, encode(forecast), name.encode(), shard, headers))
        await self._publisher.send_all(records)
        async with self._database.write() as session:
            await store_newest(session, "forecast.forecast", found)
        FORECASTS_MADE.inc(len(found))

    async def _bring_up_to_date(
        self,
        shard: int,
        counts: ShardCounts,
        snapshots: Sequence[BurnRateSnapshot],
        now: datetime,
    ) -> None:
        """Read what these services lack, and everything where a snapshot contradicts it."""
        try:
            await self._read_counts(shard, counts, snapshots, now)
            slos = [(s, slo) for s in snapshots for slo in s.slos]
            doubted = [(s, slo) for s, slo in slos if not counts.agrees(s, slo, now)]
            if counts.read_again(doubted, now):
                began = self._clock()
                await self._read_counts(shard, counts, snapshots, now)
                counts.pause(began, self._clock())
        except BaseException:
            counts.forget()  # or what was not read would count as no errors
            raise

    async def _read_counts(
        self,
        shard: int,
        counts: ShardCounts,
        snapshots: Sequence[BurnRateSnapshot],
        now: datetime,
    ) -> None:
        """Bring the counts of these services up to now."""
        slos = [
            (stream_of(s.service_name, slo.indicator), slo) for s in snapshots for slo in s.slos
        ]
        slow = _slow_counts_to_read(counts, slos, now)
        days = max((slo.window_days for _, slo in slos), default=1)
        async with self._database.read() as session:
            if counts.lacks(stream for stream, _ in slos):
                counts.put_slots(await reads.slots(session, shard))
            for span in counts.block_spans(days, now):
                for bucket, packed in await reads.blocks(session, shard, span):
                    counts.put_block(span.resolution_seconds, bucket, unpacked(packed)[:, :2])
            for found in await reads.slow_counts(session, slow):
                counts.put_slow(found)


def _slow_counts_to_read(
    counts: ShardCounts, slos: Sequence[tuple[str, SloStatus]], now: datetime
) -> list[tuple[str, float, Span]]:
    days: dict[LatencyKey, int] = {}
    for name, slo in slos:
        if slo.threshold_seconds is not None:
            key = (name, slo.threshold_seconds)
            days[key] = max(slo.window_days, days.get(key, 0))
    return [
        (*key, span) for key, most in days.items() for span in counts.slow_spans(key, most, now)
    ]


def _lagging_if_silent(snapshot: BurnRateSnapshot, *, silent: bool) -> BurnRateSnapshot:
    """Return a snapshot, whose figures lag where its shard is silent."""
    if not silent:
        return snapshot
    slos = tuple(replace(slo, data_status=as_lagging(slo.data_status)) for slo in snapshot.slos)
    return replace(snapshot, slos=slos, data_status=as_lagging(snapshot.data_status))


def _service_forecasts(
    snapshot: BurnRateSnapshot, counts: ShardCounts, epoch: int, now: datetime
) -> list[ServiceForecast]:
    """Return the service's forecast, none where its snapshot makes no sense, which is logged."""
    name = snapshot.service_name
    try:
        slos = [_slo_forecast(slo, snapshot, counts, now) for slo in snapshot.slos]
    except (ArithmeticError, LookupError, ValueError):
        log.exception("forecast_failed", service_name=name)
        FAILED.inc()
        return []
    forecast = ServiceForecast(
        service_name=name,
        shard=snapshot.shard,
        epoch=epoch,
        evaluated_at=now,
        data_status=snapshot.data_status,
        slos=tuple(slos),
    )
    return [forecast]


def _slo_forecast(
    slo: SloStatus, snapshot: BurnRateSnapshot, counts: ShardCounts, now: datetime
) -> SloForecast:
    """Return an objective's forecast, as soon as the counts for it are those of the snapshot."""
    if not counts.agrees(snapshot, slo, now):
        return catching_up(slo, snapshot.service_name, now)
    return look_ahead(slo, snapshot, counts.history(snapshot.service_name, slo), now)


def _is_catching_up(forecast: ServiceForecast) -> bool:
    return any(slo.forecast_status == "catching_up" for slo in forecast.slos)
