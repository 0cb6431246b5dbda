"""Random states of the gate, by seed: every input drawn, so also what seldom comes together."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args

from common.events import (
    Decision,
    OverrideState,
    ServiceForecast,
    SloForecast,
    SloStatus,
)
from common.policy.model import CHANGE_CLASSES, LEVELS, SEVERITY_ORDER, Policy
from common.slo.vocabulary import DataStatus
from gate.domain.decision import Inputs, Previous, ShardSign, Standing
from tests.support.gate_inputs import (
    NOW,
    PAIR_WINDOWS,
    SERVICE,
    inputs,
    objective,
    override,
    snapshot,
)
from tests.support.gate_inputs import policy as policy_of

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
    return policy_of(
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
        ratio=rng.choice(_RATIOS),
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
            forecast_of(slo.name, at, rng.choice((None, rng.random() * 900))) for slo in slos
        ),
    )


def forecast_of(name: str, at: datetime, hours: float | None) -> SloForecast:
    """Return an objective's forecast: spent in so many hours, and back in as many."""
    ends_at = None if hours is None else at + timedelta(hours=hours)
    return SloForecast(
        id=1,
        name=name,
        default=False,
        model="roll_off",
        time_to_exhaustion_hours=hours,
        projected_exhaustion_time=ends_at,
        p10_hours=hours,
        p50_hours=hours,
        p90_hours=hours,
        burn_rate_trend="stable",
        confidence_level="medium",
        confidence_reason="",
        forecast_message="",
        data_points_used=60,
        current_burn_rate=1.0,
        error_budget_remaining=0.5,
        slope_per_hour=0.0,
        fit_ratio=0.5,
        unblocked_at=ends_at,
        unblocked_at_present_rate=None,
        data_status=DataStatus.OK,
        models=(),
    )
