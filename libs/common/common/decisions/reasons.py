"""The reasons of a verdict: why a change should wait, or why that is not known. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from common.decisions import sentences
from common.decisions.decision import (
    Inputs,
    confirmed_at,
    data_at,
    is_budget_spent,
    is_shown,
    is_silent,
)
from common.events import (
    BurnRateSnapshot,
    ChangeClass,
    Decision,
    LooseningChanged,
    Reason,
    SloForecast,
    SloStatus,
    reporter_of,
)
from common.policy.model import SEVERITY_ORDER, Policy
from common.slo import wording
from common.slo.risk import LEAST_COVERAGE_RATIO, RISK_BOUNDARIES
from common.slo.vocabulary import DataStatus, RiskLevel

FORECAST_MAX_AGE = timedelta(hours=1)
"""An older forecast is ignored: its service has stood still."""

_HOUR_SECONDS = 3600


def ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return the reasons, the most severe first, otherwise in their order."""
    return tuple(sorted(reasons, key=lambda reason: -SEVERITY_ORDER[reason.effect]))


def most_severe(reasons: Iterable[Reason]) -> Decision:
    """Return the decision that the reasons come to; ALLOW without any."""
    return max((r.effect for r in reasons), key=SEVERITY_ORDER.__getitem__, default="ALLOW")


def worst_first(snapshot: BurnRateSnapshot) -> list[SloStatus]:
    """Return objectives by composite burn rate, the highest first."""
    return sorted(snapshot.slos, key=lambda slo: -slo.composite_burn_rate)


def data_status(inputs: Inputs) -> DataStatus:
    """Return how far the snapshot can be trusted now: an unconfirmed one is lagging."""
    if inputs.snapshot is None or inputs.snapshot.data_status is DataStatus.NO_DATA:
        return DataStatus.NO_DATA
    return DataStatus.LAGGING if is_silent(inputs) else inputs.snapshot.data_status


def unknowns(policy: Policy, inputs: Inputs) -> Iterator[Reason]:
    """Yield the reasons for not knowing; the same for every class of change."""
    name, snapshot = inputs.service_name, inputs.snapshot
    if inputs.snapshot is not None and is_silent(inputs):
        yield _silent(inputs)
    if snapshot is None or snapshot.data_status is DataStatus.NO_DATA or not snapshot.slos:
        yield _unknown("no_data", None, f"{_reporter(inputs)} has not reported yet")
        return
    if snapshot.data_status is not DataStatus.OK:
        yield from _not_ok(policy, inputs, snapshot)
        return
    for slo in worst_first(snapshot):
        if slo.data_status is DataStatus.NO_TRAFFIC and policy.no_traffic == "UNKNOWN":
            yield _unknown("no_traffic", slo.name, f"{slo.name} has seen no requests of late")
        elif slo.data_status is DataStatus.SATURATED:
            text = f"more requests are reported than can be counted against {slo.name}"
            yield _unknown("saturated", slo.name, text)
        elif slo.data_status not in {DataStatus.OK, DataStatus.NO_TRAFFIC}:
            text = f"nothing that {name} reports can be measured against {slo.name}"
            yield _unknown(str(slo.data_status), slo.name, text)


def _silent(inputs: Inputs) -> Reason:
    limit = inputs.silent_after_seconds
    heard_at = confirmed_at(inputs)
    if heard_at is None:
        text = f"nobody has said yet that the figures of {inputs.service_name} still hold"
        return Reason("shard_silent", "UNKNOWN", None, None, limit, text)
    silent = (inputs.now - heard_at).total_seconds()
    ago, held = wording.lasting(silent, limit)
    text = (
        f"the figures of {inputs.service_name} were last confirmed {ago} ago; they hold for {held}"
    )
    return Reason("shard_silent", "UNKNOWN", None, silent, limit, text)


def _not_ok(policy: Policy, inputs: Inputs, snapshot: BurnRateSnapshot) -> Iterator[Reason]:
    name, status = _reporter(inputs), snapshot.data_status
    if status is DataStatus.NO_TRAFFIC:
        if policy.no_traffic == "UNKNOWN":
            yield _unknown("no_traffic", None, f"{name} reports, but has had no requests of late")
        return
    if status is DataStatus.LAGGING:
        behind = _seconds_since(data_at(inputs), inputs.now)
        ago = wording.duration(behind)
        text = f"events of {name} wait to be counted; all up to {ago} ago are"
        yield Reason("lagging", "UNKNOWN", None, behind, None, text)
        return
    if status is DataStatus.SATURATED:
        text = (
            f"more requests are reported for {name} than can be counted, so that errors are hidden"
        )
        yield _unknown("saturated", None, text)
        return
    age = _seconds_since(snapshot.newest_at, inputs.now)
    limit = float(snapshot.stale_after_seconds)
    old, allowed = wording.lasting(age, limit)
    text = f"the newest report of {name} is {old} old, more than {allowed}"
    yield Reason("stale", "UNKNOWN", None, age, limit, text)


def _reporter(inputs: Inputs) -> str:
    """Return the stream whose status is the service's; the service itself where its own is."""
    name, snapshot = inputs.service_name, inputs.snapshot
    return name if snapshot is None else reporter_of(name, snapshot.data_status, snapshot.slos)


def _unknown(code: str, slo: str | None, text: str) -> Reason:
    return Reason(code, "UNKNOWN", slo, None, None, text)


def _seconds_since(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


def measured(policy: Policy, inputs: Inputs, change: ChangeClass) -> Iterator[Reason]:
    """Yield the reasons that the counts give for a class of change, the worst objective first."""
    if inputs.snapshot is None:
        return
    slos = worst_first(inputs.snapshot)
    for slo in slos:
        yield from _level(policy, slo, change)
    for slo in slos:
        yield from _budget(policy, slo, change)
    for slo in slos:
        yield from _coverage(slo)
    yield from _near_end(policy, inputs)


def _level(policy: Policy, slo: SloStatus, change: ChangeClass) -> Iterator[Reason]:
    effect: Decision = policy.risk[slo.risk_level.value][change]
    if slo.risk_capped:
        floor = float(slo.min_bad_events)
        bad = float(_bad_in_day(slo))
        yield Reason("level_capped", "ALLOW", slo.name, bad, floor, sentences.level_capped(slo))
    if slo.risk_level is RiskLevel.SAFE and effect == "ALLOW":
        return
    doubts = [] if effect != "BLOCK" else [*_doubts(policy, slo)]
    yield Reason(
        f"risk_{slo.risk_level.lower()}",
        "WARN" if doubts else effect,
        slo.name,
        slo.composite_burn_rate,
        RISK_BOUNDARIES.get(slo.risk_level, 0.0),
        sentences.level(slo, change, blocks=effect == "BLOCK"),
    )
    yield from doubts


def _doubts(policy: Policy, slo: SloStatus) -> Iterator[Reason]:
    """Yield the conditions of a block that a level does not meet."""
    pairs = slo.burn_pairs
    if policy.conditions.burn_pair and pairs:  # an objective may be too low for any pair
        nearest = max(pairs, key=lambda pair: pair.burn_rate / pair.threshold)
        if not nearest.burn_rate > nearest.threshold:
            text = sentences.pair_not_burning(slo, nearest)
            figures = nearest.burn_rate, nearest.threshold
            yield Reason("burn_pair_calm", "WARN", slo.name, *figures, text)
    yield from _thin(policy, slo, _bad_in_day(slo), "24 h")


def _thin(policy: Policy, slo: SloStatus, bad: int, window: str) -> Iterator[Reason]:
    least = policy.conditions.min_bad_events
    if bad < least:
        text = sentences.thin_evidence(slo, bad, least, window)
        yield Reason("thin_evidence", "WARN", slo.name, float(bad), float(least), text)


def _thin_budget(policy: Policy, slo: SloStatus) -> Iterator[Reason]:
    """Yield that too little is behind a spent budget for it to block."""
    yield from _thin(policy, slo, slo.bad, f"{slo.window_days} d")
    asked, reported = policy.conditions.budget_evidence, slo.reported_seconds
    if asked is None or reported is None or slo.bad < policy.conditions.min_bad_events:
        return
    if slo.bad < asked.min_bad_events and reported < asked.min_reported_hours * _HOUR_SECONDS:
        text = sentences.thin_budget(slo, asked)
        figures = float(slo.bad), float(asked.min_bad_events)
        yield Reason("thin_evidence", "WARN", slo.name, *figures, text)


def _bad_in_day(slo: SloStatus) -> int:
    day = slo.windows.get("24h")
    return 0 if day is None else day.bad


def _budget(policy: Policy, slo: SloStatus, change: ChangeClass) -> Iterator[Reason]:
    if not is_budget_spent(slo):
        return
    effect: Decision = policy.budget_exhausted[change]
    doubts = [] if effect != "BLOCK" else [*_thin_budget(policy, slo)]
    yield Reason(
        "budget_exhausted",
        "WARN" if doubts else effect,
        slo.name,
        slo.error_budget_remaining,
        0.0,
        sentences.budget_spent(slo, change, recorded=effect != "BLOCK"),
    )
    yield from doubts


def _coverage(slo: SloStatus) -> Iterator[Reason]:
    """Yield that too few of the present requests are certainly good or bad."""
    covered = slo.recent.coverage_ratio
    # without any of its own that is unknown, and said so already
    if slo.data_status is not DataStatus.NO_DATA and covered < LEAST_COVERAGE_RATIO:
        text = sentences.partial_coverage(slo)
        yield Reason("partial_coverage", "WARN", slo.name, covered, LEAST_COVERAGE_RATIO, text)


def fresh_forecasts(inputs: Inputs) -> dict[str, SloForecast]:
    """Return the forecasts by objective; none where they are too old."""
    forecast = inputs.forecast
    if forecast is None or inputs.now - forecast.evaluated_at > FORECAST_MAX_AGE:
        return {}
    return {slo.name: slo for slo in forecast.slos}


def _near_end(policy: Policy, inputs: Inputs) -> Iterator[Reason]:
    limit = policy.forecast.warn_within_hours
    if limit is None:
        return
    for name, slo in fresh_forecasts(inputs).items():
        ends_at = slo.projected_exhaustion_time
        if slo.error_budget_remaining <= 0:
            continue
        if slo.forecast_status == "catching_up":
            text = sentences.exhaustion_unknown(name, limit)
            yield Reason("exhaustion_unknown", "WARN", name, None, limit, text)
        elif ends_at is not None:
            hours = max(0.0, (ends_at - inputs.now).total_seconds() / _HOUR_SECONDS)
            if hours <= limit:
                text = sentences.exhaustion_near(name, hours, limit)
                yield Reason("exhaustion_near", "WARN", name, hours, limit, text)


def shown_loosenings(inputs: Inputs) -> list[LooseningChanged]:
    """Return the loosenings that a decision names, the newest first."""
    found = (k for k in inputs.loosenings if is_shown(k, inputs.service_name, inputs.now))
    return sorted(found, key=lambda loosening: -loosening.id)


def loosened(inputs: Inputs) -> Iterator[Reason]:
    """Yield what was promised milder of late; it decides nothing, but nobody overlooks it."""
    for loosening in shown_loosenings(inputs):
        text = sentences.loosened(loosening)
        yield Reason("objective_loosened", "ALLOW", None, None, None, text)
