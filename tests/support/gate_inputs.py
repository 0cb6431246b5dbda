"""Inputs of the gate as burnrate and forecast would give them, from counts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from common.events import (
    BurnPair,
    BurnRateSnapshot,
    OverrideChanged,
    SloStatus,
    WindowRate,
)
from common.policy.document import parse_policy
from common.policy.model import Policy
from common.slo.arithmetic import burn_rate, composite_burn_rate, error_budget_consumed
from common.slo.risk import cap_risk_level, risk_level
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import pair_rules
from gate.domain.decision import Inputs, ShardSign
from tests.support import burn_events
from tests.support.burn_events import slo_status

NOW = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
SERVICE = "checkout"
OBJECTIVE = Decimal("0.999")
WINDOWS = {"5m": 300, "1h": 3600, "24h": 86_400}
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
) -> SloStatus:
    """Return an objective evaluated from (bad, total) of its windows, with the product's sums."""
    counts = (short, hour, day)
    rates = [burn_rate(bad, total, ratio) for bad, total in counts]
    composite = composite_burn_rate(rates)
    level = risk_level(composite, counts, ratio)
    capped = cap_risk_level(level, day[0], min_bad_events)
    consumed = error_budget_consumed(*slo, ratio)
    by_window = {300: short, 3600: hour, 86_400: day, **(pairs or {})}
    return slo_status(
        id=1,
        name=name,
        objective=float(ratio),
        min_bad_events=min_bad_events,
        default=False,
        revision=1,
        total=slo[1],
        bad=slo[0],
        burn_rate_5m=rates[0],
        burn_rate_1h=rates[1],
        burn_rate_24h=rates[2],
        composite_burn_rate=composite,
        error_budget_consumed=consumed,
        error_budget_remaining=1 - consumed,
        risk_level=capped,
        risk_capped=capped is not level,
        data_status=status,
        windows={
            window: WindowRate(seconds, total, bad, rate)
            for (window, seconds), (bad, total), rate in zip(
                WINDOWS.items(), counts, rates, strict=True
            )
        },
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
            for rule in pair_rules(ratio, 30)
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
