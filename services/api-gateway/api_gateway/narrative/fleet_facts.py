"""Facts of all services together. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from api_gateway.narrative.advice import Action
from api_gateway.narrative.fact import Fact
from api_gateway.narrative.narrative_input import NarrativeInput, with_actions
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.narrative.service_facts import (
    fresh_forecasts,
    is_recovering,
    is_uncovered,
    next_spent,
)
from common.events import SloForecast
from common.slo import wording
from common.slo.freshness import UNTRUSTED
from common.slo.vocabulary import RiskLevel

MOST_NAMED = 3
"""So many services are named; the rest are counted."""

CHANGES_HOURS = 24


def is_trusted(context: ServiceContext) -> bool:
    """Return whether a service's figures are of now."""
    return context.state.data_status not in UNTRUSTED


def worst_first(contexts: Sequence[ServiceContext]) -> list[ServiceContext]:
    """Return the services whose figures are of now, most severe first.

    Of one level an outage that lasts comes before one that recovers, whose composite may still be
    the greater one.
    """
    trusted = [context for context in contexts if is_trusted(context)]
    levels = [*RiskLevel]
    return sorted(
        trusted,
        key=lambda s: (
            -levels.index(s.state.risk_level),
            is_recovering(s.state),
            -s.state.composite_burn_rate,
            s.name,
        ),
    )


def nearest_exhaustion(
    contexts: Sequence[ServiceContext], now: datetime
) -> list[tuple[float, ServiceContext, SloForecast]]:
    """Return the forecasts of budgets that will be spent, with their hours, nearest first."""
    ahead = [
        (slo.time_to_exhaustion_hours, context, slo)
        for context in contexts
        if (slo := next_spent(fresh_forecasts(context, now))) is not None
        and slo.time_to_exhaustion_hours is not None
    ]
    return sorted(ahead, key=lambda found: (found[0], found[1].name))


def fleet_input(contexts: Sequence[ServiceContext], now: datetime) -> NarrativeInput:
    """Return everything that can be said of all services at `now`."""
    ranked = worst_first(contexts)
    burning = [s for s in ranked if s.state.risk_level is not RiskLevel.SAFE][:MOST_NAMED]
    worst = [_worst(context, place) for place, context in enumerate(burning, 1)]
    found = [
        *_services(contexts),
        *_coverage(ranked),
        *_compliance(ranked),
        *_exhaustion(contexts, now),
        *_blocked(contexts),
        *_counted(contexts),
        *worst,
    ]
    actions = tuple(_actions(contexts, burning, worst))
    facts = with_actions(found, actions)
    return NarrativeInput("", "fleet", facts, actions, [fact.id for fact in worst])


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _services(contexts: Sequence[ServiceContext]) -> Iterator[Fact]:
    count = len(contexts)
    held = wording.counted(count, "service") if count else "no service yet"
    yield Fact("services", "Services", count, f"the fleet has {held}", "services", essential=True)
    levels = Counter(s.state.risk_level for s in contexts if is_trusted(s))
    if levels:
        parts = [f"{levels[level]:,} at {level}" for level in reversed(RiskLevel) if levels[level]]
        text = wording.listed(parts)
        yield Fact("levels", "Services by risk level", text, text, essential=True)
    unknown = sum(not is_trusted(s) for s in contexts)
    if unknown:
        text = f"the figures of {wording.counted(unknown, 'service')} are missing or old"
        yield Fact("unknown", "Services without trusted figures", unknown, text, essential=True)


def _coverage(ranked: Sequence[ServiceContext]) -> Iterator[Fact]:
    """Give how many services' levels rest on too few of their requests."""
    count = sum(any(is_uncovered(slo) for slo in s.state.slos) for s in ranked)
    if count:
        what = wording.counted(count, "service")
        text = f"too few of the latest requests of {what} are certainly fast or slow"
        yield Fact("coverage", "Services with uncertain figures", count, text, "services")


def _compliance(ranked: Sequence[ServiceContext]) -> Iterator[Fact]:
    if not ranked:
        return
    kept = sum(s.state.error_budget_remaining > 0 for s in ranked)
    text = f"{kept:,} of {len(ranked):,} {_are(kept)} within the error budget"
    yield Fact("compliance", "Services within their error budget", kept, text, "services")


def _worst(context: ServiceContext, place: int) -> Fact:
    state = context.state
    rate = wording.burn_rate(state.composite_burn_rate, level=state.risk_level)
    spent = wording.spent(state.error_budget_consumed)
    text = (
        f"{context.name} at {state.risk_level} with a composite burn rate of {rate} and {spent} "
        "of its error budget spent"
    )
    return Fact(f"worst_{place}", "Service in the worst state", context.name, text)


def _exhaustion(contexts: Sequence[ServiceContext], now: datetime) -> Iterator[Fact]:
    ahead = nearest_exhaustion(contexts, now)
    if not ahead:
        return
    hours, context, _ = ahead[0]
    length = wording.about(hours)
    text = f"the next error budget forecast to run out is that of {context.name}, in about {length}"
    yield Fact("exhaustion", "Nearest exhaustion", length, text)


def _blocked(contexts: Sequence[ServiceContext]) -> Iterator[Fact]:
    known = [s.release for s in contexts if s.release is not None]
    if not known:
        return
    blocked = sum(not release.allowed for release in known)
    what = wording.counted(blocked, "service")
    text = f"feature releases of {what} are blocked" if blocked else "no feature release is blocked"
    yield Fact("blocked", "Services with blocked releases", blocked, text, "services")
    overridden = sum(release.override_id is not None for release in known)
    if overridden:
        what = wording.counted(overridden, "service")
        text = f"the gate of {what} is overridden"
        yield Fact("overridden", "Services with overridden gate", overridden, text, "services")


def _counted(contexts: Sequence[ServiceContext]) -> Iterator[Fact]:
    alerts = sum(len(s.episodes) for s in contexts)
    if alerts:
        text = f"{wording.counted(alerts, 'alert')} {_are(alerts)} open"
        yield Fact("alerts", "Open alerts", alerts, text, "alerts")
    changes = sum(len(s.changes) for s in contexts)
    if changes:
        text = f"{wording.counted(changes, 'change')} took effect in the last {CHANGES_HOURS} hours"
        yield Fact("changes", "Changes", changes, text, "changes")


def _actions(
    contexts: Sequence[ServiceContext], burning: Sequence[ServiceContext], worst: Sequence[Fact]
) -> Iterator[Action]:
    halted = [
        (s.name, fact.id)
        for s, fact in zip(burning, worst, strict=True)
        if s.state.risk_level is RiskLevel.FREEZE
    ]
    if halted:
        names, because = zip(*halted, strict=True)
        text = f"halt feature releases of {wording.listed(names)}"
        yield Action("halt_releases", text, tuple(because))
    unknown = [s.name for s in contexts if not is_trusted(s)]
    if unknown:
        text = f"see why the figures of {wording.listed(_few(unknown))} are missing or old"
        yield Action("fix_reporting", text, ("unknown",))
    if not halted and not unknown and contexts and not burning:
        yield Action("none", "no action is needed", ("levels",))


def _few(names: Sequence[str]) -> list[str]:
    if len(names) <= MOST_NAMED:
        return [*names]
    return [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED:,} more"]
