"""The simulator's services as the gateway sees them, through burnrate's own evaluation."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from api_gateway.burn.history import Counts
from api_gateway.narrative.onset import find_onset
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.projections.service_status import service_state
from common.events import BurnRateSnapshot, ChangeEvent, MetricEvent
from ingest.simulator.counts import events_between
from ingest.simulator.scenarios import SimulatedIncident, incidents
from ingest.simulator.services import SERVICES
from tests.reference.evaluator import SHARDS, World
from tests.support.narratives import DEFAULT

SEED = 3
HOURS = 3
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
EVERY_MINUTES = 12


@cache
def simulated_minutes(service: str) -> Counts:
    """Return a service's counts by minute from START on."""
    mine = [event for event in _events() if event.service == service]
    return Counts(
        np.array([int(e.timestamp.timestamp()) for e in mine]),
        np.array([e.total for e in mine]),
        np.array([e.bad or 0 for e in mine]),
    )


def simulated_contexts() -> Iterator[tuple[ServiceContext, datetime]]:
    """Give every service at a few instants, with its onset and a deploy before each incident."""
    for now, snapshots in _snapshots():
        for service in SERVICES:
            taken = snapshots[service.name]
            state = service_state(service.name, [], taken, default=DEFAULT, silent=False, now=now)
            counts = until(simulated_minutes(service.name), now)
            changes = [_deploy(service.name, e) for e in active(service.name, now)]
            onset = find_onset(counts, 0.999)
            yield ServiceContext(state, service.tier, onset=onset, changes=changes), now


def until(counts: Counts, now: datetime) -> Counts:
    """Return the counts of the minutes that have ended."""
    seen = counts.ends <= int(now.timestamp())
    return Counts(counts.ends[seen], counts.total[seen], counts.bad[seen])


def active(service: str, now: datetime) -> list[SimulatedIncident]:
    """Return the incidents of a service in the hour before an instant."""
    kind = next(s.scenario for s in SERVICES if s.name == service)
    at = int(now.timestamp())
    return [] if kind is None else incidents(SEED, kind, at - 3600, at)


def _deploy(service: str, incident: SimulatedIncident) -> ChangeEvent:
    at = datetime.fromtimestamp(incident.start, UTC) - timedelta(minutes=4)
    return ChangeEvent(service, at, "deploy", "1.42.0")


@cache
def _events() -> tuple[MetricEvent, ...]:
    start = int(START.timestamp())
    return tuple(events_between(SEED, start, start + HOURS * 3600, 60))


@cache
def _snapshots() -> tuple[tuple[datetime, dict[str, BurnRateSnapshot]], ...]:
    return tuple(asyncio.run(_evaluated()))


async def _evaluated() -> list[tuple[datetime, dict[str, BurnRateSnapshot]]]:
    world = World()
    world.now = START
    for shard in range(SHARDS):
        world.acquire(shard)
    found, events = [], list(_events())
    for minute in range(EVERY_MINUTES, HOURS * 60 + 1, EVERY_MINUTES):
        world.now = now = START + timedelta(minutes=minute)
        world.count(*(e for e in events if e.timestamp <= now))
        events = [e for e in events if e.timestamp > now]
        world.applied_until(now)
        told = await world.compute(str(minute))
        found.append((now, told.snapshots))
    return found
