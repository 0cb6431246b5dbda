"""Facts of a service's level, burn rates and data: what its newest snapshot says. Pure."""

from collections.abc import Iterator
from datetime import datetime

from api_gateway.narrative import wording
from api_gateway.narrative.fact import Fact
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.projections.service_status import ServiceState
from common.events import SloStatus
from common.slo.freshness import UNTRUSTED
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY, SHORT_WINDOW_SECONDS

THIN_BAD_EVENTS = 10
"""Fewer bad events than this in 24 h are thin evidence: Poisson's 1/sqrt(n) is over 30 %."""


def worst_slo(state: ServiceState) -> SloStatus:
    """Return the objective that speaks for the service."""
    return next(slo for slo in state.slos if slo.id == state.slo_id)


def failing(slo: SloStatus, count: int | None = None) -> str:
    """Return so many of what an objective counts as bad: "1 slow request", "no failed request"."""
    kind = "slow" if slo.threshold_seconds is not None else "failed"
    return f"no {kind} request" if count is None else wording.counted(count, f"{kind} request")


def objective_text(slo: SloStatus) -> str:
    """Return what is asked for, without the name that its owner gave it."""
    asked = wording.objective(slo.objective)
    if slo.threshold_seconds is not None:
        limit = wording.seconds(slo.threshold_seconds)
        what = f"{asked} of requests within {limit}"
    elif slo.max_error_ratio is not None:
        what = f"at most {wording.objective(slo.max_error_ratio)} of requests with errors"
    else:
        what = f"{asked} availability"
    return f"{what} over {wording.counted(slo.window_days, 'day')}"


def service_facts(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    """Give what is known of level, objective, burn rates, budget and evidence."""
    state = context.state
    yield from _data_status(context, now)
    if state.data_status is DataStatus.NO_DATA:
        yield _objective(state)
        return
    yield _level(context)
    yield _objective(state)
    yield from _burn_rates(state)
    slo = worst_slo(state)
    yield from _burn_pair(slo)
    yield from _budget(slo)
    yield from _evidence(slo)


def _named(context: ServiceContext) -> str:
    return f"service {context.name} (tier {context.tier})"


def _data_status(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    state, who = context.state, _named(context)
    status = state.data_status
    text = None
    if status is DataStatus.NO_DATA:
        text = f"{who} has not sent any data yet"
    elif status is DataStatus.LAGGING:
        text = f"the figures of {who} lag behind what was sent"
        if state.applied_through is not None:
            upto = wording.instant(state.applied_through, now)
            text = f"the figures of {who} cover only what was sent up to {upto}"
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
    rate = wording.burn_rate(state.composite_burn_rate)
    level = f"risk level {state.risk_level} with a composite burn rate of {rate}"
    text = f"{_named(context)} is at {level}"
    if state.data_status in UNTRUSTED:
        text = f"its last known figures are {level}"
    return Fact("level", "Risk level", state.risk_level.value, text, essential=True)


def _objective(state: ServiceState) -> Fact:
    slo = worst_slo(state)
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
        "24h": (state.burn_rate_24h, "24 hours"),
    }
    written = {name: wording.burn_rate(rate, ()) for name, (rate, _) in spans.items()}
    parts = [f"{written[name]} over {span}" for name, (_, span) in spans.items()]
    text = f"its burn rate is {wording.listed(parts)}"
    yield Fact("burn_rates", "Burn rates", ", ".join(written.values()), text)
    for name, (_, span) in spans.items():
        single = f"a burn rate of {written[name]} over {span}"
        yield Fact(f"burn_rate_{name}", f"Burn rate over {span}", written[name], single)


def _burn_pair(slo: SloStatus) -> Iterator[Fact]:
    """Give the pair of windows that is furthest above its threshold."""
    reached = [pair for pair in slo.burn_pairs if pair.burn_rate >= pair.threshold]
    if not reached:
        return
    pair = max(reached, key=lambda p: p.threshold)
    rate = wording.burn_rate(pair.burn_rate, (pair.threshold,))
    spans = f"{wording.window(pair.long_seconds)} and {wording.window(pair.short_seconds)}"
    threshold = wording.number(round(pair.threshold, 2))
    text = (
        f"its budget burns at a rate of {rate} or more over both {spans}, which reaches the "
        f"alerting threshold of {threshold}"
    )
    yield Fact("burn_pair", "Burn rate pair", rate, text)


def _budget(slo: SloStatus) -> Iterator[Fact]:
    consumed, remaining = slo.error_budget_consumed, slo.error_budget_remaining
    spent = wording.percent(consumed)
    text = f"it has spent {spent} of its error budget"
    yield Fact("budget_spent", "Error budget spent", spent, text, "%", essential=remaining <= 0)
    left = int(abs(remaining) * (1 - slo.objective) * slo.total + 1e-9)
    events = failing(slo, left)
    if remaining > 0:
        share = wording.percent(remaining)
        room = f", which allows {events if left else failing(slo)}" if slo.total else ""
        text = f"{share} of the budget is left{room}"
        yield Fact("budget_left", "Error budget left", share, text, "%")
        minutes = remaining * (1 - slo.objective) * slo.window_days * DAY
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
    if slo.threshold_seconds is not None and slo.total and slo.coverage_ratio < 1:
        share = wording.percent(slo.coverage_ratio)
        text = f"only {share} of its requests carry what this objective measures"
        yield Fact("coverage", "Coverage", share, text, "%")
