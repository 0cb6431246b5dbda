"""Facts of what is ahead: the forecast, and what the gate lets through. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from api_gateway.narrative import wording
from api_gateway.narrative.fact import Fact
from api_gateway.narrative.subject import Release, ServiceContext
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


def outlook_facts(subject: ServiceContext, now: datetime) -> Iterator[Fact]:
    """Give trend, exhaustion, the end of a block, and the gate's decision."""
    yield from _forecast(subject, now)
    if subject.release is not None:
        yield _release(subject.release)


def fresh_forecast(subject: ServiceContext, now: datetime) -> SloForecast | None:
    """Return the forecast of the objective that is spent first, if it is worth telling."""
    forecast = subject.forecast
    if forecast is None or not forecast.slos or now - forecast.evaluated_at > FORECAST_HOLDS:
        return None
    if forecast.data_status in UNTRUSTED or subject.state.data_status in UNTRUSTED:
        return None
    return forecast.slos[0]


def _forecast(subject: ServiceContext, now: datetime) -> Iterator[Fact]:
    slo = fresh_forecast(subject, now)
    if slo is None or slo.data_status is DataStatus.NO_DATA:
        return
    trend = _TRENDS[slo.burn_rate_trend]
    yield Fact("trend", "Trend of the burn rate", trend, f"its burn is {trend}")
    if slo.error_budget_remaining > 0:
        yield _exhaustion(subject, slo, now)
        level = slo.confidence_level
        yield Fact("confidence", "Confidence", level, f"confidence in this forecast is {level}")
    blocked = subject.release is None or not subject.release.allowed
    if blocked and slo.unblocked_at is not None and slo.unblocked_at > now:
        at = wording.instant(slo.unblocked_at, now)
        text = f"without further errors its block is forecast to end at about {at}"
        yield Fact("unblocked_at", "End of the block", at, text)


def _exhaustion(subject: ServiceContext, slo: SloForecast, now: datetime) -> Fact:
    hours = slo.time_to_exhaustion_hours
    if hours is None:
        days = next((s.window_days for s in subject.state.slos if s.id == slo.id), None)
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
    """Return the middle 80 % of outcomes in words; where the late end is open, so it is told."""
    if slo.p10_hours is None:
        return ""
    early = about(slo.p10_hours)
    if slo.p90_hours is None:
        return "" if early == length else f" ({early} at the earliest)"
    late = about(slo.p90_hours)
    return "" if early == late else f" ({wording.interval(early, late)})"


def _release(release: Release) -> Fact:
    codes = [_REASONS[code] for code in release.reason_codes if code in _REASONS][:1]
    why = f": {codes[0]}" if codes and release.decision in {"BLOCK", "WARN"} else ""
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
