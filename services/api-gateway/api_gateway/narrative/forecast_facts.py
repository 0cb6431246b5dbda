"""Facts of what is ahead: the forecast, and what the gate lets through. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from api_gateway.narrative import wording
from api_gateway.narrative.fact import Fact
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.release.domain import Release
from common.events import SloForecast
from common.slo.freshness import FORECAST_HOLDS, UNTRUSTED
from common.slo.vocabulary import DataStatus
from common.slo.windows import HOUR

_TRENDS = {"increasing": "rising", "decreasing": "falling", "stable": "steady"}
_LEAST_HOURS = 1 / 60

_REASONS = {
    "budget_exhausted": "the error budget is spent",
    "risk_freeze": "the risk level is FREEZE",
    "risk_danger": "the risk level is DANGER",
    "exhaustion_near": "the error budget is forecast to run out soon",
    "held_for_time": "the block ends only after a calm time",
    "held_by_burn_rate": "the block ends only after a calm time",
    "held_by_budget": "the block ends only with more budget left",
}


def forecast_facts(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    """Give trend, exhaustion, the end of a block, and the gate's decision."""
    yield from _forecast(context, now)
    if context.release is not None:
        yield _release(context.release)


def fresh_forecast(context: ServiceContext, now: datetime) -> SloForecast | None:
    """Return the forecast of the objective that is spent first, unless it is out of date."""
    forecast = context.forecast
    if forecast is None or not forecast.slos or now - forecast.evaluated_at > FORECAST_HOLDS:
        return None
    if forecast.data_status in UNTRUSTED or context.state.data_status in UNTRUSTED:
        return None
    return forecast.slos[0]


def _forecast(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    slo = fresh_forecast(context, now)
    if slo is None or slo.data_status is DataStatus.NO_DATA:
        return
    trend = _TRENDS[slo.burn_rate_trend]
    yield Fact("trend", "Trend of the burn rate", trend, f"its burn is {trend}")
    if slo.error_budget_remaining > 0:
        yield _exhaustion(context, slo, now)
        level = slo.confidence_level
        yield Fact("confidence", "Confidence", level, f"confidence in this forecast is {level}")
    blocked = context.release is None or not context.release.allowed
    if blocked and slo.unblocked_at is not None and slo.unblocked_at > now:
        at = wording.instant(slo.unblocked_at, now)
        text = f"without further errors its block is forecast to end at about {at}"
        yield Fact("unblocked_at", "End of the block", at, text)


def _exhaustion(context: ServiceContext, slo: SloForecast, now: datetime) -> Fact:
    hours = slo.time_to_exhaustion_hours
    if hours is None:
        days = next((s.window_days for s in context.state.slos if s.id == slo.id), None)
        within = f"within {wording.counted(days, 'day')}" if days else "within its window"
        text = f"its error budget is not forecast to run out {within}"
        return Fact("exhaustion", "Error budget runs out", None, text)
    length = about(hours)
    at = wording.instant(slo.projected_exhaustion_time or now + timedelta(hours=hours), now)
    within = f"about {length}{_interval(slo, length)}"
    text = f"its error budget is forecast to run out in {within}, at {at}"
    return Fact("exhaustion", "Error budget runs out", length, text, essential=True)


def about(hours: float) -> str:
    """Return a forecast's length of time; what is nearer than a minute is a minute."""
    return wording.duration(max(hours, _LEAST_HOURS) * HOUR)


def _interval(slo: SloForecast, length: str) -> str:
    """Return the middle 80 % of outcomes in words; an open late end stays open."""
    if slo.p10_hours is None:
        return ""
    early = about(slo.p10_hours)
    if slo.p90_hours is None:
        return "" if early == length else f" ({early} at the earliest)"
    late = about(slo.p90_hours)
    return "" if early == late else f" ({wording.interval(early, late)})"


def _release(release: Release) -> Fact:
    deciding = (r.code for r in release.reasons if r.effect == release.decision)
    reason = next((_REASONS[code] for code in deciding if code in _REASONS), None)
    why = f": {reason}" if reason and release.decision in {"BLOCK", "WARN"} else ""
    allowed = "allowed" if release.allowed else "blocked"
    if release.override_id is not None:
        text = f"feature releases are {allowed} by an override"
    elif release.decision == "UNKNOWN":
        text = f"the release gate cannot decide, and feature releases are {allowed} until it can"
    elif release.decision == "WARN":
        text = f"feature releases are allowed with a warning{why}"
    else:
        text = f"feature releases are {allowed}{why}"
    return Fact("release", "Release decision", release.decision, text, essential=True)
