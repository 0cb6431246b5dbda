"""Facts of a service: its level, budget and data, and what is ahead. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from api_gateway.narrative.fact import Fact
from api_gateway.narrative.history_facts import history_facts
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.narrative.slo_wording import failing, objective_text, whose_budget
from api_gateway.projections.service_status import ServiceState
from api_gateway.release.domain import Release
from common.access.names import attributed
from common.events import OverrideChanged, SloForecast, SloStatus, first_spent, reporter_of
from common.slo import wording
from common.slo.arithmetic import allowed_ratio
from common.slo.freshness import FORECAST_HOLDS, UNTRUSTED
from common.slo.risk import LEAST_COVERAGE_RATIO
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY, SHORT_WINDOW_SECONDS

THIN_BAD_EVENTS = 10
"""Fewer bad events than this in 24 h are thin evidence: Poisson's 1/sqrt(n) is over 30 %."""

_TRENDS = {"increasing": "rising", "decreasing": "falling", "stable": "steady"}
FAR_APART = 2.0
"""Burn rates of two windows that differ so many times are not called steady."""
STEADY_WITHIN = 1.2
"""Burn rates of the last minutes and the last hour that differ no more are steady."""
LEAST_BURN = 0.2
"""Below it no direction matters."""
_NOT_KNOWN_YET = "when its error budget is forecast to run out is not known yet"

_REASONS = {
    "budget_exhausted": "the error budget is spent",
    "thin_evidence": "too little is behind its figures to block on",
    "partial_coverage": "too few of the latest requests are certainly fast or slow",
    "risk_freeze": "the risk level is FREEZE",
    "risk_danger": "the risk level is DANGER",
    "exhaustion_near": "the error budget is forecast to run out soon",
    "exhaustion_unknown": "when the error budget runs out is not known yet",
    "held_for_time": "the block ends only after a calm time",
    "held_by_burn_rate": "the block ends only after a calm time",
    "held_by_budget": "the block ends only with more budget left",
}


def service_facts(context: ServiceContext, now: datetime) -> list[Fact]:
    """Return everything that is known of a service at `now`."""
    return [
        *_figures(context, now),
        *_forecast(context, now),
        *([] if context.release is None else [_release(context.release, context.override, now)]),
        *history_facts(context, now),
    ]


def _figures(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    """Give what is known of level, objective, burn rates, budget and evidence."""
    state = context.state
    yield from _data_status(context, now)
    if state.data_status is DataStatus.NO_DATA:
        yield _objective(state)
        return
    yield _level(context)
    yield _objective(state)
    yield from _burn_rates(state)
    yield from _burn_pair(state)
    yield from _budget(state)
    yield from _evidence(state.worst)
    yield from _coverage(state)


def _named(context: ServiceContext) -> str:
    return f"service {context.name} (tier {context.tier})"


def _reporter(context: ServiceContext) -> str:
    """Return whose data status it is: the service's, or that of one of its indicators."""
    state = context.state
    stream = reporter_of(context.name, state.data_status, state.slos)
    return _named(context) if stream == context.name else stream


def _data_status(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    state, who = context.state, _reporter(context)
    status = state.data_status
    text = None
    if status is DataStatus.NO_DATA:
        text = f"{who} has not sent any data yet"
    elif state.recomputed:
        text = f"the figures of {who} are computed for an objective that has just been set"
    elif status is DataStatus.LAGGING:
        text = f"the figures of {who} lag behind what was sent"
        if state.applied_through is not None:
            upto = wording.instant(state.applied_through, now)
            text = f"the figures of {who} cover only what was sent up to {upto}"
    elif status is DataStatus.SATURATED:
        text = f"more requests are reported for {who} than can be counted"
    elif status is DataStatus.STALE and state.newest_at is not None:
        last = wording.instant(state.newest_at, now)
        ago = wording.duration(max((now - state.newest_at).total_seconds(), 0))
        text = f"{who} has sent nothing since {last}, {ago} ago"
    elif status is DataStatus.STALE:
        text = f"{who} has stopped sending data"
    elif status is DataStatus.NO_TRAFFIC:
        length = wording.window(state.short_window_seconds or SHORT_WINDOW_SECONDS)
        text = f"it reports, but had no requests in the last {length}"
    if text:
        yield Fact("data_status", "Data status", status.value, text, essential=True)


def _level(context: ServiceContext) -> Fact:
    state = context.state
    rate = wording.burn_rate(state.composite_burn_rate, level=state.risk_level)
    level = f"risk level {state.risk_level} with a composite burn rate of {rate}"
    text = f"{_named(context)} is at {level}"
    if state.data_status in UNTRUSTED:
        text = f"its last known figures are {level}"
    return Fact("level", "Risk level", state.risk_level.value, text, essential=True)


def _objective(state: ServiceState) -> Fact:
    slo = state.worst
    asked = objective_text(slo)
    if slo.default:
        text = f"it has no objective of its own and is held against {asked}"
    elif len(state.slos) > 1:
        count = wording.counted(len(state.slos), "objective")
        text = f"the worst of its {count} is {asked}"
    else:
        text = f"its objective is {asked}"
    return Fact("objective", "Objective", wording.objective(slo.objective), text)


def _burn_rates(state: ServiceState) -> Iterator[Fact]:
    short = wording.window(state.short_window_seconds or SHORT_WINDOW_SECONDS)
    spans = {
        "5m": (state.burn_rate_5m, short),
        "1h": (state.burn_rate_1h, "1 hour"),
        "24h": (state.burn_rate_24h, wording.reported_window(DAY, state.worst.reported_seconds)),
    }
    written = {name: wording.burn_rate(rate) for name, (rate, _) in spans.items()}
    parts = [f"{written[name]} over {span}" for name, (_, span) in spans.items()]
    text = f"its burn rate is {wording.listed(parts)}"
    yield Fact("burn_rates", "Burn rates", ", ".join(written.values()), text)
    for name, (_, span) in spans.items():
        single = f"a burn rate of {written[name]} over {span}"
        yield Fact(f"burn_rate_{name}", f"Burn rate over {span}", written[name], single)


def _burn_pair(state: ServiceState) -> Iterator[Fact]:
    """Give the pair of windows that is furthest above its threshold."""
    pairs = [(slo, pair) for slo in state.slos for pair in slo.burn_pairs]
    reached = [(slo, pair) for slo, pair in pairs if pair.burn_rate >= pair.threshold]
    if not reached:
        return
    slo, pair = max(reached, key=lambda found: found[1].threshold)
    rate, threshold = wording.compared(pair.burn_rate, pair.threshold)
    span = partial(wording.reported_window, reported_seconds=slo.reported_seconds)
    spans = f"{span(pair.long_seconds)} and {span(pair.short_seconds)}"
    text = (
        f"its budget burns at a rate of {rate} or more over both {spans}, which reaches the "
        f"alerting threshold of {threshold}"
    )
    yield Fact("burn_pair", "Burn rate pair", rate, text)


def _budget(state: ServiceState) -> Iterator[Fact]:
    """Give what is spent of the budget of which the least is left, and what is left of it."""
    slo = state.least_budget
    consumed, remaining = slo.error_budget_consumed, slo.error_budget_remaining
    spent = wording.spent(consumed)
    text = f"it has spent {spent} of {whose_budget(state, slo)}"
    yield Fact("budget_spent", "Error budget spent", spent, text, "%", essential=remaining <= 0)
    left = abs(slo.bad_events_left)
    events = failing(slo, left)
    if remaining > 0:
        share = wording.left(remaining)
        room = f", which allows {events if left else failing(slo)}" if slo.total else ""
        text = f"{share} of the budget is left{room}"
        yield Fact("budget_left", "Error budget left", share, text, "%")
        minutes = remaining * float(allowed_ratio(slo.objective)) * slo.window_days * DAY
        length = wording.duration(minutes)
        text = f"what is left would cover {length} of a full outage"
        yield Fact("budget_time_left", "Error budget left as time", length, text)
    elif left:
        text = f"the budget is exceeded by {events}"
        yield Fact("budget_exceeded", "Error budget exceeded by", left, text, "requests")


def _evidence(slo: SloStatus) -> Iterator[Fact]:
    day = slo.windows.get("24h")
    if day is None:
        return
    seen = f"{failing(slo, day.bad)} in 24 hours"
    if slo.risk_capped:
        text = (
            f"the level is held at {RiskLevel.OBSERVE}, with {seen} where the objective asks for "
            f"{slo.min_bad_events:,}"
        )
        yield Fact("evidence", "Evidence", day.bad, text, "requests", essential=True)
    elif 0 < day.bad < THIN_BAD_EVENTS and slo.risk_level is not RiskLevel.SAFE:
        text = f"the evidence is thin, with {seen}"
        yield Fact("evidence", "Evidence", day.bad, text, "requests", essential=True)
    if slo.composite_burn_rate_least is not None:
        rate = wording.burn_rate(slo.composite_burn_rate_least)
        text = (
            f"{wording.counted(slo.uncertain, 'request')} may have been fast and count as slow; "
            f"if all were fast, its composite burn rate would be {rate}"
        )
        yield Fact("uncertain", "Uncertain requests", slo.uncertain, text, "requests")


def is_uncovered(slo: SloStatus) -> bool:
    """Return whether too few of the latest requests are certainly good or bad."""
    return slo.total > 0 and slo.recent.coverage_ratio < LEAST_COVERAGE_RATIO


def _coverage(state: ServiceState) -> Iterator[Fact]:
    """Give the smallest share of the latest requests that an objective is certain of."""
    uncovered = [slo for slo in state.slos if is_uncovered(slo)]
    slo = min(uncovered, key=lambda slo: slo.recent.coverage_ratio, default=None)
    if slo is not None:
        share = wording.left(slo.recent.coverage_ratio, [LEAST_COVERAGE_RATIO])
        length = wording.window(slo.recent.window_seconds)
        text = f"only {share} of the requests of the last {length} are certainly fast or slow"
        yield Fact("coverage", "Coverage", share, text, "%")


def fresh_forecasts(context: ServiceContext, now: datetime) -> Sequence[SloForecast]:
    """Return the forecasts of the objectives; none if out of date."""
    forecast = context.forecast
    if forecast is None or now - forecast.evaluated_at > FORECAST_HOLDS:
        return ()
    if forecast.data_status in UNTRUSTED or context.state.data_status in UNTRUSTED:
        return ()
    return [slo for slo in forecast.slos if slo.data_status is not DataStatus.NO_DATA]


def next_spent(forecasts: Sequence[SloForecast]) -> SloForecast | None:
    """Return the forecast of the budget that will be spent next; what is spent hides no other."""
    ahead = [slo for slo in forecasts if slo.error_budget_remaining > 0]
    return first_spent(ahead) if ahead else None


def _forecast(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    forecasts = fresh_forecasts(context, now)
    worst = next((slo for slo in forecasts if slo.id == context.state.slo_id), None)
    if worst is not None and worst.forecast_status != "catching_up":
        trend = _trend(context.state, worst)
        yield Fact("trend", "Trend of the burn rate", trend, f"its burn is {trend}")
    slo = next_spent(forecasts)
    if slo is not None and slo.forecast_status == "catching_up":
        yield Fact("exhaustion", "Error budget runs out", None, _NOT_KNOWN_YET)
    elif slo is not None:
        yield _exhaustion(context, slo, now)
        level = slo.confidence_level
        yield Fact("confidence", "Confidence", level, f"confidence in this forecast is {level}")
    blocked = context.release is None or not context.release.allowed
    unknown = any(slo.forecast_status == "catching_up" for slo in forecasts)
    ends = [slo.unblocked_at for slo in forecasts if slo.unblocked_at is not None]
    if blocked and ends and max(ends) > now and not unknown:
        at = wording.instant(max(ends), now)
        text = f"without further errors its block is forecast to end at about {at}"
        yield Fact("unblocked_at", "End of the block", at, text)


def is_recovering(state: ServiceState) -> bool:
    """Return whether the last minutes burn a fifth less than the last hour."""
    short, hour = state.burn_rate_5m, state.burn_rate_1h
    return max(short, hour) >= LEAST_BURN and short * STEADY_WITHIN < hour


def _trend(state: ServiceState, forecast: SloForecast) -> str:
    """Return where the burn goes: as the windows say where they are far apart, else the trend.

    A line through a day's half hours is level while the last ten minutes are a hundred times worse.
    """
    short, hour, day = state.burn_rate_5m, state.burn_rate_1h, state.burn_rate_24h
    if max(short, hour, day) < LEAST_BURN:
        return _TRENDS[forecast.burn_rate_trend]
    if short >= FAR_APART * hour:
        return "rising"
    if short * FAR_APART <= hour:
        return "falling"
    if short >= FAR_APART * day:
        return "far above that of the day"
    if short * FAR_APART <= day:
        return "far below that of the day"
    return _TRENDS[forecast.burn_rate_trend]


def _exhaustion(context: ServiceContext, slo: SloForecast, now: datetime) -> Fact:
    hours = slo.time_to_exhaustion_hours
    known = next((s for s in context.state.slos if s.id == slo.id), None)
    whose = whose_budget(context.state, known)
    if hours is None:
        within = f"within {wording.counted(known.window_days, 'day')}" if known else "in its window"
        text = f"{whose} is not forecast to run out {within}"
        return Fact("exhaustion", "Error budget runs out", None, text)
    length = wording.about(hours)
    at = wording.instant(slo.projected_exhaustion_time or now + timedelta(hours=hours), now)
    within = f"about {length}{_interval(slo, length)}"
    text = f"{whose} is forecast to run out in {within}, at {at}"
    return Fact("exhaustion", "Error budget runs out", length, text, essential=True)


def _interval(slo: SloForecast, length: str) -> str:
    """Return the middle 80 % of outcomes in words; an open late end stays open."""
    if slo.p10_hours is None:
        return ""
    early = wording.about(slo.p10_hours)
    if slo.p90_hours is None:
        return "" if early == length else f" ({early} at the earliest)"
    late = wording.about(slo.p90_hours)
    return "" if early == late else f" ({wording.interval(early, late)})"


def _release(release: Release, override: OverrideChanged | None, now: datetime) -> Fact:
    deciding = (r.code for r in release.reasons if r.effect == release.decision)
    reason = next((_REASONS[code] for code in deciding if code in _REASONS), None)
    why = f": {reason}" if reason and release.decision in {"BLOCK", "WARN"} else ""
    allowed = "allowed" if release.allowed else "blocked"
    if release.override_id is not None:
        text = f"feature releases are {allowed} by an override{_whose(override, now)}"
    elif release.decision == "UNKNOWN":
        text = f"the release gate cannot decide, and feature releases are {allowed} until it can"
    elif release.decision == "WARN":
        text = f"feature releases are allowed with a warning{why}"
    else:
        text = f"feature releases are {allowed}{why}"
    return Fact("release", "Release decision", release.state, text, essential=True)


def _whose(override: OverrideChanged | None, now: datetime) -> str:
    if override is None:
        return ""
    who = attributed(override.actor, override.on_behalf_of)
    return f" of {who} until {wording.instant(override.expires_at, now)}"
