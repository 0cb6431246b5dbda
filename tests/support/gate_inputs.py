"""Inputs of the gate as burnrate and forecast would give them, from counts."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args

from msgspec.structs import replace

from common.decisions.decision import Inputs, Previous, ShardSign, Standing
from common.events import (
    BurnPair,
    BurnRateSnapshot,
    Decision,
    OverrideChanged,
    OverrideState,
    ServiceForecast,
    SloForecast,
    SloStatus,
    WindowRate,
)
from common.policy.document import parse_policy
from common.policy.model import CHANGE_CLASSES, LEVELS, SEVERITY_ORDER, Policy
from common.slo.arithmetic import burn_rate
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS, pair_rules
from tests.support import burn_events
from tests.support.burn_events import measured
from tests.support.gateway.forecasts import spent_in

NOW = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
SERVICE = "checkout"
OBJECTIVE = Decimal("0.999")
PAIR_WINDOWS = (300, 1800, 3600, 7200, 21_600, 86_400, 259_200)
Counts = tuple[int, int]
"""Bad events and all events."""


def policy(**document: Any) -> Policy:
    """Return the documented default with changes."""
    return parse_policy({"name": "default", **document})


def objective(  # noqa: PLR0913 - the parts of an objective
    name: str = "availability",
    *,
    short: Counts = (0, 1_000),
    hour: Counts = (0, 12_000),
    day: Counts = (0, 288_000),
    slo: Counts = (0, 8_640_000),
    pairs: Mapping[int, Counts] | None = None,
    min_bad_events: int = 0,
    status: DataStatus = DataStatus.OK,
    ratio: Decimal = OBJECTIVE,
    coverage: float = 1.0,
    reported_seconds: int | None = None,
    uncertain: int = 0,
    window_days: int = 30,
) -> SloStatus:
    """Return an objective evaluated from (bad, total) of its windows, with the product's sums."""
    by_window = {300: short, 3600: hour, 86_400: day, **(pairs or {})}
    windows = {
        window: WindowRate(seconds, total, bad, burn_rate(bad, total, ratio), uncertain, coverage)
        for (window, seconds), (bad, total) in zip(
            BURN_WINDOWS.items(), (short, hour, day), strict=True
        )
    }
    return measured(
        windows,
        slo,
        ratio,
        id=1,
        name=name,
        window_days=window_days,
        min_bad_events=min_bad_events,
        default=False,
        revision=1,
        data_status=status,
        reported_seconds=reported_seconds,
        burn_pairs=tuple(
            BurnPair(
                rule.long_seconds,
                rule.short_seconds,
                rule.threshold,
                min(
                    burn_rate(*by_window.get(seconds, day), ratio)
                    for seconds in (rule.long_seconds, rule.short_seconds)
                ),
            )
            for rule in pair_rules(ratio, window_days)
        ),
    )


def at_level(level: RiskLevel, *, spent: bool = False, **given: Any) -> SloStatus:
    """Return an objective at a level, whose budget is spent or not."""
    burning = {"SAFE": 0.5, "OBSERVE": 1.25, "DANGER": 1.75, "FREEZE": 3.0}[level]
    return burning_at(burning, spent=spent, **given)


def burning_at(composite: float, *, spent: bool = False, **given: Any) -> SloStatus:
    """Return an objective whose windows all burn at one rate, to the thousandth."""
    total = 1_000_000
    bad = round(composite * 1_000)
    slo = (9_000, 8_640_000) if spent else (1_000, 8_640_000)
    alike = dict.fromkeys(PAIR_WINDOWS, (bad, total))
    same = {"short": (bad, total), "hour": (bad, total), "day": (bad, total), "pairs": alike}
    return objective(**{**same, "slo": slo, **given})


def snapshot(
    slos: Sequence[SloStatus] | None = None,
    *,
    at: datetime = NOW,
    status: DataStatus = DataStatus.OK,
    epoch: int = 1,
) -> BurnRateSnapshot:
    """Return a service's snapshot, that of its worst objective."""
    return burn_events.snapshot(
        SERVICE,
        *(slos or [objective()]),
        shard=0,
        epoch=epoch,
        evaluated_at=at,
        applied_through=at,
        data_status=status,
        newest_at=at - timedelta(seconds=5),
    )


def inputs(slos: Sequence[SloStatus] | None = None, **given: Any) -> Inputs:
    """Return inputs with fresh data; any part of them can be given."""
    now = given.get("now", NOW)
    return Inputs(
        **{
            "service_name": SERVICE,
            "tier": 2,
            "now": now,
            "silent_after_seconds": 25.0,
            "sign": ShardSign(1, now, now),
            "snapshot": snapshot(slos, at=now),
            "forecast": None,
            "overrides": (),
            "previous": None,
            **given,
        }
    )


def override(**given: Any) -> OverrideChanged:
    """Return an active override that allows everything for an hour."""
    return OverrideChanged(
        **{
            "revision": 1,
            "id": 1,
            "service_name": SERVICE,
            "decision": "ALLOW",
            "actor": "ana",
            "reason": "hotfix for the payment outage",
            "ticket": None,
            "version": None,
            "change_class": None,
            "created_at": NOW - timedelta(minutes=10),
            "expires_at": NOW + timedelta(minutes=50),
            "max_uses": None,
            "uses": 0,
            "approver": None,
            "state": "active",
            **given,
        }
    )


POLICIES = 150
_KNOWN = ("ALLOW", "WARN", "BLOCK")
_RATIOS = [Decimal(text) for text in ("0.5", "0.9", "0.99", "0.995", "0.999", "0.99999")]


def random_state(seed: int) -> tuple[Policy, Inputs]:
    """Return a policy and inputs; the same for the same seed."""
    rng = random.Random(seed)
    rules = _policy(seed % POLICIES)
    now = NOW + timedelta(microseconds=rng.randrange(10**12))
    slos = [_objective(rng, f"slo-{i}") for i in range(rng.randrange(1, 5))]
    taken = snapshot(slos, at=_before(rng, now, 400), status=_status(rng), epoch=rng.randrange(3))
    sign = ShardSign(rng.randrange(3), _before(rng, now, 60), _before(rng, now, 120))
    return rules, inputs(
        now=now,
        tier=rng.choice((1, 2, 3)),
        snapshot=rng.choice((taken, taken, taken, None)),
        sign=rng.choice((sign, sign, sign, None)),
        forecast=rng.choice((_forecast(rng, slos, now), None)),
        overrides=tuple(_override(rng, i, now) for i in range(rng.randrange(4))),
        previous=rng.choice((_previous(rng, rules, now), None)),
    )


def _before(rng: random.Random, now: datetime, seconds: float) -> datetime:
    return now - timedelta(seconds=rng.random() * seconds)


def _status(rng: random.Random) -> DataStatus:
    statuses: list[DataStatus] = [DataStatus.OK, DataStatus.OK, *DataStatus]
    return rng.choice(statuses)


@lru_cache(POLICIES)
def _policy(seed: int) -> Policy:
    rng = random.Random(f"policy {seed}")
    rising = [
        sorted(rng.choices(_KNOWN, k=4), key=SEVERITY_ORDER.__getitem__) for _ in CHANGE_CLASSES
    ]
    hysteresis: dict[str, Any] = {
        "burn_rate_below": rng.choice((None, 0.5, 1.8)),
        "budget_remaining_above": rng.choice((None, 0.05, 0.9)),
        "min_block_minutes": rng.choice((0, 0, 0.5, 30)),
    }
    return policy(
        risk={
            level: {change: rising[i][place] for i, change in enumerate(CHANGE_CLASSES)}
            for place, level in enumerate(LEVELS)
        },
        budget_exhausted={change: rng.choice(_KNOWN) for change in CHANGE_CLASSES},
        on_unknown={tier: rng.choice(_KNOWN) for tier in (1, 2, 3)},
        no_traffic=rng.choice(("UNKNOWN", "MEASURED")),
        conditions={
            "burn_pair": rng.random() < 0.5,
            "min_bad_events": rng.choice((0, 1, 1_000)),
        },
        hysteresis=hysteresis,
        forecast={"warn_within_hours": rng.choice((None, 0.1, 24, 400.5))},
    )


def _objective(rng: random.Random, name: str) -> SloStatus:
    worst = rng.choice((0.0, 1e-6, 0.002, 0.3, 1.0))
    counts = {}
    for window in (*PAIR_WINDOWS, 2_592_000):
        total = rng.randrange(window * rng.choice((1, 50)))
        counts[window] = (int(total * worst * rng.random()), total)
    return objective(
        name,
        short=counts[300],
        hour=counts[3600],
        day=counts[86_400],
        slo=counts[2_592_000],
        pairs=counts,
        min_bad_events=rng.choice((0, 10)),
        status=_status(rng),
        reported_seconds=rng.choice((None, 3600, 86_400)),
        ratio=rng.choice(_RATIOS),
        coverage=rng.choice((1.0, 1.0, 0.99, 0.9899, 0.0)),
    )


def _override(rng: random.Random, number: int, now: datetime) -> Any:
    return override(
        id=number + 1,
        decision=rng.choice(_KNOWN),
        reason=rng.choice(('because of \u201cü\u201d and \\ " quotes', "an outage of payments")),
        version=rng.choice((None, "1.42.0", "")),
        change_class=rng.choice((None, *CHANGE_CLASSES)),
        expires_at=now + timedelta(seconds=rng.uniform(-60, 3600)),
        max_uses=rng.choice((None, 1, 3)),
        uses=rng.randrange(3),
        approver=rng.choice((None, "boris")),
        state=rng.choice((*get_args(OverrideState), "active")),
    )


def _previous(rng: random.Random, rules: Policy, now: datetime) -> Previous:
    decisions = rng.choices(get_args(Decision), k=len(CHANGE_CLASSES))
    standing = {
        change: Standing(decision, _before(rng, now, 7200))
        for change, decision in zip(CHANGE_CLASSES, decisions, strict=True)
    }
    return Previous("before", rng.choice((rules.policy_hash, "another")), standing)


def _forecast(rng: random.Random, slos: list[SloStatus], now: datetime) -> ServiceForecast:
    at = _before(rng, now, 5000)
    return ServiceForecast(
        service_name=SERVICE,
        shard=0,
        epoch=1,
        evaluated_at=at,
        data_status=DataStatus.OK,
        slos=tuple(
            replace(
                forecast_of(slo.name, at, rng.choice((None, rng.random() * 900))),
                forecast_status=rng.choice(("known", "known", "catching_up")),
            )
            for slo in slos
        ),
    )


def forecast_of(name: str, at: datetime, hours: float | None) -> SloForecast:
    """Return an objective's forecast: spent in so many hours, and back in as many."""
    ends_at = None if hours is None else at + timedelta(hours=hours)
    return spent_in(hours, at, name=name, unblocked_at=ends_at)
