"""Facts of all services together. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from api_gateway.narrative import wording
from api_gateway.narrative.advice import Action
from api_gateway.narrative.fact import Fact, Facts
from api_gateway.narrative.outlook_facts import about, fresh_forecast
from api_gateway.narrative.subject import ServiceContext
from common.slo.freshness import UNTRUSTED
from common.slo.vocabulary import RiskLevel

MOST_NAMED = 3
"""So many services are named; the rest are counted."""

CHANGES_HOURS = 24


@dataclass(frozen=True, slots=True)
class KnownFleet:
    """Facts of the fleet, what to do, and the facts on the services that are worst."""

    facts: Facts
    actions: tuple[Action, ...]
    worst: tuple[str, ...]


def is_trusted(subject: ServiceContext) -> bool:
    """Tell whether a service's figures are of now."""
    return subject.state.data_status not in UNTRUSTED


def worst_first(subjects: Sequence[ServiceContext]) -> list[ServiceContext]:
    """Return the services whose figures are of now, highest composite burn rate first."""
    trusted = [subject for subject in subjects if is_trusted(subject)]
    return sorted(trusted, key=lambda s: (-s.state.composite_burn_rate, s.name))


def known_fleet(subjects: Sequence[ServiceContext], now: datetime) -> KnownFleet:
    """Return what can be said of all services at `now`."""
    ranked = worst_first(subjects)
    burning = [s for s in ranked if s.state.risk_level is not RiskLevel.SAFE][:MOST_NAMED]
    worst = [_worst(subject, place) for place, subject in enumerate(burning, 1)]
    found = [
        *_services(subjects),
        *_compliance(ranked),
        *_exhaustion(subjects, now),
        *_blocked(subjects),
        *_counted(subjects),
        *worst,
    ]
    actions = tuple(_actions(subjects, burning, worst))
    facts = Facts([*found, *(action.fact() for action in actions)])
    return KnownFleet(facts, actions, tuple(fact.id for fact in worst))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _services(subjects: Sequence[ServiceContext]) -> Iterator[Fact]:
    count = len(subjects)
    held = wording.counted(count, "service") if count else "no service yet"
    yield Fact("services", "Services", count, f"the fleet has {held}", "services", essential=True)
    levels = Counter(s.state.risk_level for s in subjects if is_trusted(s))
    if levels:
        parts = [f"{levels[level]:,} at {level}" for level in reversed(RiskLevel) if levels[level]]
        text = wording.listed(parts)
        yield Fact("levels", "Services by risk level", text, text, essential=True)
    unknown = sum(not is_trusted(s) for s in subjects)
    if unknown:
        text = f"the figures of {wording.counted(unknown, 'service')} are missing or old"
        yield Fact("unknown", "Services without trusted figures", unknown, text, essential=True)


def _compliance(ranked: Sequence[ServiceContext]) -> Iterator[Fact]:
    if not ranked:
        return
    kept = sum(s.state.error_budget_remaining > 0 for s in ranked)
    text = f"{kept:,} of {len(ranked):,} {_are(kept)} within the error budget"
    yield Fact("compliance", "Services within their error budget", kept, text, "services")


def _worst(subject: ServiceContext, place: int) -> Fact:
    state = subject.state
    rate = wording.burn_rate(state.composite_burn_rate)
    spent = wording.percent(state.error_budget_consumed)
    text = (
        f"{subject.name} at {state.risk_level} with a composite burn rate of {rate} and {spent} "
        "of its error budget spent"
    )
    return Fact(f"worst_{place}", "Service in the worst state", subject.name, text)


def _exhaustion(subjects: Sequence[ServiceContext], now: datetime) -> Iterator[Fact]:
    ahead = [
        (slo.time_to_exhaustion_hours, s.name)
        for s in subjects
        if (slo := fresh_forecast(s, now)) is not None
        and slo.time_to_exhaustion_hours is not None
        and slo.error_budget_remaining > 0
    ]
    if not ahead:
        return
    hours, name = min(ahead)
    length = about(hours)
    text = f"the next error budget forecast to run out is that of {name}, in about {length}"
    yield Fact("exhaustion", "Nearest exhaustion", length, text)


def _blocked(subjects: Sequence[ServiceContext]) -> Iterator[Fact]:
    known = [s.release for s in subjects if s.release is not None]
    if not known:
        return
    blocked = sum(not release.allowed for release in known)
    what = wording.counted(blocked, "service")
    text = f"feature releases of {what} are blocked" if blocked else "no feature release is blocked"
    yield Fact("blocked", "Services with blocked releases", blocked, text, "services")


def _counted(subjects: Sequence[ServiceContext]) -> Iterator[Fact]:
    alerts = sum(len(s.episodes) for s in subjects)
    if alerts:
        text = f"{wording.counted(alerts, 'alert')} {_are(alerts)} open"
        yield Fact("alerts", "Open alerts", alerts, text, "alerts")
    changes = sum(len(s.changes) for s in subjects)
    if changes:
        text = f"{wording.counted(changes, 'change')} took effect in the last {CHANGES_HOURS} hours"
        yield Fact("changes", "Changes", changes, text, "changes")


def _actions(
    subjects: Sequence[ServiceContext], burning: Sequence[ServiceContext], worst: Sequence[Fact]
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
    unknown = [s.name for s in subjects if not is_trusted(s)]
    if unknown:
        text = f"see why the figures of {wording.listed(_few(unknown))} are missing or old"
        yield Action("fix_reporting", text, ("unknown",))
    if not halted and not unknown and subjects and not burning:
        yield Action("none", "no action is needed", ("levels",))


def _few(names: Sequence[str]) -> list[str]:
    if len(names) <= MOST_NAMED:
        return [*names]
    return [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED:,} more"]
