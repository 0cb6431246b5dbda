"""Stored counts read back and replayed: burnrate measures them again, alerts evaluates them."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from alerts.domain.backtest import WARM_UP, Alarm, Backtest
from api_gateway.catalog.domain import service_changed, target_changed
from api_gateway.catalog.repository import CatalogReader
from burnline.errors import StackError
from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import Target
from burnrate.evaluation.replay import ShardReplay, StoredBucket
from burnrate.settings import BurnrateSettings
from common.alerting.rules import Rule
from common.config.settings import DatabaseSettings
from common.counts import reads
from common.counts.layout import COLUMNS, Bounds, Span, unpacked
from common.events import ServiceChanged
from common.slo.streams import service_of, stream_of
from common.slo.vocabulary import WINDOW_DAYS
from common.slo.windows import DAY, HOUR, MINUTE
from common.storage.database import Database, ReadSession

MAX_SERVICES: Final = 100_000
LONGEST_WINDOW_SECONDS: Final = max(WINDOW_DAYS) * DAY

Histograms = dict[int, dict[tuple[str, Bounds], Sequence[int]]]
"""By end of a bucket, then by service and bounds."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The alarms from `since` on, which is later than asked where minutes are not kept so long."""

    since: datetime
    alarms: list[Alarm]


@dataclass(frozen=True, slots=True)
class Replay:
    """What is replayed: which services, through which rules, from when until when.

    `begin` is the first whole hour from which on minutes are kept; `names` are the services of
    each shard in the order of the rows of its blocks, of which `services` are replayed.
    """

    url: str
    rules: Mapping[str, Rule]
    services: frozenset[str]
    declared: Sequence[ServiceChanged]
    catalog: Catalog
    names: Mapping[int, Sequence[str]]
    begin: datetime
    since: datetime
    end: datetime

    def run(self) -> Replayed:
        """Replay all shards, as many at a time as there are processors."""
        shards = [
            n for n, own in self.names.items() if not self.services.isdisjoint(map(service_of, own))
        ]
        with ProcessPoolExecutor(min(os.cpu_count() or 1, len(shards) or 1)) as pool:
            found = pool.map(self.shard, shards) if len(shards) > 1 else map(self.shard, shards)
            alarms = [alarm for part in found for alarm in part]
        return Replayed(self.since, sorted(alarms, key=_order))

    def shard(self, shard: int) -> list[Alarm]:
        """Replay one shard."""
        fed, minutes = asyncio.run(self._read(shard))
        backtest, now = Backtest(self.rules, self.declared), self.begin
        minute = next(minutes, None)
        while now <= self.end:
            if minute is not None and minute.ended <= now.timestamp():
                fed.feed(minute)
                minute = next(minutes, None)
            if now >= self.since - WARM_UP:
                backtest.step(fed.at(now), now)
            now += timedelta(seconds=MINUTE)
        return backtest.alarms

    async def _read(self, shard: int) -> tuple[ShardReplay, Iterator[StoredBucket]]:
        """Return the shard at `begin`, and the minutes that it is to be fed with after that."""
        names, begin = self.names[shard], int(self.begin.timestamp())
        slots = [slot for slot, name in enumerate(names) if service_of(name) in self.services]
        own, parts = [names[slot] for slot in slots], []
        hours = Span(HOUR, begin - LONGEST_WINDOW_SECONDS, begin)
        async with _opened(self.url) as database, database.read() as session:
            for span in (hours, Span(MINUTE, begin, int(self.end.timestamp()))):
                blocks = await reads.blocks(session, shard, span)
                histograms = await self._histograms(session, own, span)
                parts.append(_buckets(blocks, span.resolution_seconds, slots, histograms))
        return ShardReplay(shard, own, self.catalog, list(parts[0])), parts[1]

    async def _histograms(
        self, session: ReadSession, names: Sequence[str], span: Span
    ) -> Histograms:
        timed = {
            stream_of(service, target.indicator)
            for service in map(service_of, names)
            for target in self.catalog.targets(service)
            if target.threshold_seconds is not None
        }
        found: Histograms = defaultdict(dict)
        for name, ended, bounds, counts in await reads.histograms(session, sorted(timed), span):
            found[ended][name, bounds] = counts
        return found


async def plan(
    url: str, rules: Mapping[str, Rule], services: Sequence[str], hours: int, end: datetime
) -> Replay:
    """Return the replay of the hours before `end`, a whole minute; without names of all services.

    Raises StackError for an unknown service, and where no minute is stored.
    """
    async with _opened(url) as database, database.read() as session:
        declared, catalog = await _catalog(session, services)
        names = await reads.services_by_shard(session)
        first = await reads.oldest_end(session, MINUTE)
    if first is None:
        raise StackError("no minute is stored yet: there is nothing to replay")
    begin = datetime.fromtimestamp(-(-first // HOUR) * HOUR, UTC)
    since = max(end - timedelta(hours=hours), begin)
    chosen = frozenset(services) or frozenset(service_of(n) for own in names.values() for n in own)
    return Replay(url, rules, chosen, declared, catalog, names, begin, since, end)


def _opened(url: str) -> AbstractAsyncContextManager[Database]:
    return Database.opened(DatabaseSettings(DATABASE_URL=url), "rules-test")


async def _catalog(
    session: ReadSession, services: Sequence[str]
) -> tuple[list[ServiceChanged], Catalog]:
    """Return the services, and the catalog as burnrate has it."""
    reader, settings = CatalogReader(session), BurnrateSettings()
    default = Target.default(settings.default_objective, settings.default_window_days)
    catalog, declared = Catalog(default), await reader.services("", MAX_SERVICES)
    known = {service.name for service in declared}
    if unknown := [name for name in services if name not in known]:
        raise StackError(f"there is no service {', '.join(unknown)}; see /api/services")
    for target in await reader.targets(sorted(services or known)):
        catalog.apply(target_changed(target))
    return [service_changed(service) for service in declared], catalog


def _order(alarm: Alarm) -> tuple[datetime, str, str, str]:
    return alarm.told_at, alarm.service_name, alarm.rule, alarm.slo or ""


def _buckets(
    blocks: Sequence[tuple[int, bytes]],
    resolution: int,
    slots: Sequence[int],
    histograms: Histograms,
) -> Iterator[StoredBucket]:
    """Yield the buckets of some services, the oldest first; blocks are the newest first."""
    for bucket, packed in reversed(blocks):
        block, ended = unpacked(packed), bucket * resolution
        rows = np.zeros((len(slots), COLUMNS), np.int64)
        there = np.array([i for i, slot in enumerate(slots) if slot < len(block)], np.int64)
        rows[there] = block[np.array(slots, np.int64)[there]]
        yield StoredBucket(ended, rows, histograms.get(ended, {}))
