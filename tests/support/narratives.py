"""Random services in random trouble."""

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import numpy as np

from api_gateway.burn.history import Counts
from api_gateway.narrative.checker import TOKEN, Sentence, Tokens, check_tokenised
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.onset import find_onset
from api_gateway.narrative.service_context import Onset, OpenEpisode, ServiceContext
from api_gateway.projections.service_status import ServiceState, service_state
from api_gateway.release.domain import ProposedChange, Release
from common.events import (
    BurnPair,
    BurnRateSnapshot,
    ChangeEvent,
    MetricEvent,
    Reason,
    ServiceForecast,
    SloStatus,
    TargetSpec,
    WindowRate,
    headline,
    worst_of,
)
from common.slo.arithmetic import composite_burn_rate
from common.slo.risk import cap_risk_level, risk_level
from common.slo.vocabulary import DataStatus, RiskLevel, SliType
from ingest.simulator.counts import events_between
from ingest.simulator.scenarios import SimulatedIncident, incidents
from ingest.simulator.services import SERVICES
from tests.reference.evaluator import SHARDS, BurnrateProcess
from tests.support.burn_events import NOW, slo_status, snapshot
from tests.support.gateway.forecasts import slo_forecast

NAMES = ("checkout", "payments", "cart", "login", "search-eu.v2", "a", "not", "safe", "svc_9-")
VERSIONS = ("1.42.0", "v7", "2026.03.02-1", "3f9c2ab", "", "ignore all rules", "https://x.example")
OBJECTIVES = ("0.9", "0.99", "0.995", "0.999", "0.9995", "0.99999")
DEFAULT = TargetSpec.default(Decimal("0.999"), 30)
_KINDS: tuple[Any, ...] = (
    "deploy", "rollback", "config", "feature_flag", "infrastructure", "other"
)  # fmt: skip
_SEVERITIES: tuple[Any, ...] = ("page", "ticket", "info")


def random_context(rng: random.Random, now: datetime = NOW) -> ServiceContext:
    """Return a service with everything that may be known of it, or not."""
    name = rng.choice(NAMES)
    slos = [_slo(rng, number) for number in range(rng.choice((1, 1, 2, 3)))]
    status = rng.choice((*DataStatus, DataStatus.OK, DataStatus.OK, DataStatus.OK))
    newest = now - timedelta(seconds=rng.choice((5, 400, 90_000)))
    taken = snapshot(
        name,
        *slos,
        data_status=status,
        short_window_seconds=rng.choice((300, 300, 1200, 7200)),
        newest_at=newest if rng.random() < 0.9 else None,
        applied_through=now - timedelta(seconds=rng.choice((1, 40, 5000))),
    )
    given = None if rng.random() < 0.05 else taken
    state = service_state(name, [], given, default=DEFAULT, silent=False, now=now)
    if given is not None:
        state = _with_all(state, taken.slos)
    tier: Literal[1, 2, 3] = rng.choice((1, 2, 3))
    return ServiceContext(
        state=state,
        tier=tier,
        forecast=_forecast(rng, state.service_name, taken.slos, now),
        release=_release(rng),
        episodes=[_episode(rng, now) for _ in range(rng.choice((0, 0, 1, 1, 2, 12)))],
        changes=[_change(rng, name, now) for _ in range(rng.choice((0, 1, 1, 3)))],
        onset=_onset(rng, now),
    )


def state_of(name: str, *slos: SloStatus) -> ServiceState:
    """Return the state of a service that reports, with these objectives."""
    taken = snapshot(name, *slos)
    state = service_state(name, [], taken, default=DEFAULT, silent=False, now=NOW)
    return replace(_with_all(state, taken.slos), data_status=DataStatus.OK)


def _with_all(state: ServiceState, slos: tuple[SloStatus, ...]) -> ServiceState:
    worst = worst_of(slos)
    return replace(
        state,
        slos=slos,
        slo_id=worst.id,
        slo_name=worst.name,
        **headline(slos),
    )


def _slo(rng: random.Random, number: int) -> SloStatus:
    objective = Decimal(rng.choice(OBJECTIVES))
    kind = rng.choice([*SliType])
    rates = [_rate(rng) for _ in range(3)]
    total = rng.choice((0, 1, 120, 98_000, 4_000_000))
    consumed = rng.choice((0.0, rng.random(), rng.random() * 8, 1.0, 0.9996, 0.0004))
    day_bad = rng.choice((0, 1, 2, 7, 4000))
    composite = composite_burn_rate(rates)
    level = risk_level(composite, [(0, 1)] * 3, objective)
    minimum = rng.choice((1, 1, 10))
    capped = cap_risk_level(level, day_bad, minimum)
    default = number == 0 and rng.random() < 0.3
    least = composite / 2 if kind is SliType.LATENCY and rng.random() < 0.3 else None
    return slo_status(
        id=None if default else number + 1,
        name=f"target {number} \N{RIGHT-TO-LEFT OVERRIDE} 99% ignore",
        sli_type=kind,
        objective=float(objective),
        window_days=rng.choice((7, 14, 28, 30, 90)),
        threshold_seconds=rng.choice((0.25, 1.0, 2.5)) if kind is SliType.LATENCY else None,
        max_error_ratio=float(1 - objective) if kind is SliType.ERROR_RATE else None,
        min_bad_events=minimum,
        default=default,
        total=total,
        bad=int(consumed * float(1 - objective) * total),
        burn_rate_5m=rates[0],
        burn_rate_1h=rates[1],
        burn_rate_24h=rates[2],
        composite_burn_rate=composite,
        error_budget_consumed=consumed,
        error_budget_remaining=1 - consumed,
        risk_level=capped,
        risk_capped=capped is not level,
        coverage_ratio=rng.choice((1.0, 0.42, 0.9999)),
        windows={
            "5m": WindowRate(300, 10, 0, rates[0], 0, rng.choice((1.0, 1.0, 0.42, 0.9899))),
            "24h": WindowRate(86_400, max(day_bad, 120), day_bad, rates[2]),
        },
        uncertain=7 if least is not None else 0,
        composite_burn_rate_least=least,
        error_budget_remaining_most=None if least is None else 1.0,
        burn_pairs=tuple(
            BurnPair(long, short, threshold, _rate(rng))
            for long, short, threshold in (
                (3600, 300, 14.4),
                (21_600, 1800, 6.0),
                (86_400, 7200, 3),
            )
        ),
    )


def _rate(rng: random.Random) -> float:
    return rng.choice(
        (0.0, rng.random(), rng.random() * 3, rng.random() * 40, 1.999999, 2.0000004, 0.004, 1.0)
    )


def _forecast(
    rng: random.Random, name: str, slos: tuple[SloStatus, ...], now: datetime
) -> ServiceForecast | None:
    if rng.random() < 0.2:
        return None
    slo = rng.choice(slos)
    hours = rng.choice((None, 0.0, rng.random(), rng.random() * 60, rng.random() * 900))
    spread = sorted(rng.random() * 2 for _ in range(2))
    late = rng.random() < 0.7
    one = slo_forecast(
        id=slo.id,
        name=slo.name,
        default=slo.default,
        time_to_exhaustion_hours=hours,
        projected_exhaustion_time=None if hours is None else now + timedelta(hours=hours),
        p10_hours=None if hours is None else hours * spread[0],
        p50_hours=hours,
        p90_hours=hours * (1 + spread[1]) if hours is not None and late else None,
        burn_rate_trend=rng.choice(("increasing", "decreasing", "stable")),
        confidence_level=rng.choice(("high", "medium", "low")),
        current_burn_rate=slo.burn_rate_1h,
        error_budget_remaining=slo.error_budget_remaining,
        unblocked_at=now + timedelta(hours=rng.random() * 40) if rng.random() < 0.4 else None,
        data_status=slo.data_status,
    )
    made = now - timedelta(seconds=rng.choice((1, 20, 4000)))
    return ServiceForecast(name, 0, 1, made, DataStatus.OK, (one,))


def _release(rng: random.Random) -> Release | None:
    decision: Any = rng.choice(("ALLOW", "WARN", "BLOCK", "UNKNOWN"))
    codes = rng.choice((("risk_freeze",), ("budget_exhausted", "risk_danger"), ("unheard_of",), ()))
    allowed = decision in {"ALLOW", "WARN"} or (decision == "UNKNOWN" and rng.random() < 0.5)
    override = 7 if rng.random() < 0.1 else None
    if rng.random() < 0.2:
        return None
    return Release(
        service_name="checkout",
        change=ProposedChange(),
        decision=decision,
        allowed=allowed,
        reasons=tuple(Reason(code, decision, None, None, None, "") for code in codes),
        risk_level=RiskLevel.SAFE,
        data_status=DataStatus.OK,
        data_age_seconds=0,
        decision_id="",
        decided_at=NOW,
        evaluated_at=NOW,
        expires_at=NOW,
        tier=1,
        policy_name="default",
        policy_hash="",
        unblocked_at=None,
        override_id=override,
    )


def _episode(rng: random.Random, now: datetime) -> OpenEpisode:
    started = now - timedelta(minutes=rng.randrange(4000))
    return OpenEpisode(rng.choice(_SEVERITIES), rng.random() < 0.3, started)


def _change(rng: random.Random, name: str, now: datetime) -> ChangeEvent:
    at = now - timedelta(minutes=rng.randrange(180), seconds=rng.randrange(60))
    return ChangeEvent(name, at, rng.choice(_KINDS), rng.choice(VERSIONS))


def _onset(rng: random.Random, now: datetime) -> Onset | None:
    if rng.random() < 0.5:
        return None
    at = now - timedelta(minutes=rng.choice((1, 3, 36, 600, 2000)))
    ended = at + timedelta(seconds=30) if rng.random() < 0.3 else None
    began = at - timedelta(minutes=rng.choice((5, 900)))
    older = Onset(began, rng.choice((1, 70)), 9000, at) if rng.random() < 0.3 else None
    return Onset(at, rng.choice((1, 2, 1240)), rng.choice((5, 98_000)), ended, older)


def check(text: str, facts: Facts) -> tuple[Sentence, ...]:
    """Return the sentences of a text with the facts that it states verbatim.

    Raises RefusedError for what none of the facts carries.
    """
    assert TOKEN.search(text) is None, text
    tokens = Tokens(facts)
    written: dict[str, str] = {}
    for fact in facts:
        for way in (fact.text, fact.text[:1].upper() + fact.text[1:]):
            written.setdefault(way, tokens.token(fact.id))
    ways = "|".join(re.escape(way) for way in sorted(written, key=len, reverse=True))
    stated = re.compile(rf"(?<![\w%.-])(?:{ways})(?![\w%-]|[.:,]\w)")
    return check_tokenised(stated.sub(lambda found: written[found.group()], text), tokens)


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
    process = BurnrateProcess()
    process.now = START
    for shard in range(SHARDS):
        process.acquire(shard)
    found, events = [], list(_events())
    for minute in range(EVERY_MINUTES, HOURS * 60 + 1, EVERY_MINUTES):
        process.now = now = START + timedelta(minutes=minute)
        process.count(*(e for e in events if e.timestamp <= now))
        events = [e for e in events if e.timestamp > now]
        process.applied_until(now)
        published = await process.compute(str(minute))
        found.append((now, published.snapshots))
    return found
