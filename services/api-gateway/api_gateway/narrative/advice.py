"""What to do, by rule: each recommendation names the facts that led to it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from api_gateway.narrative.fact import Fact, Facts
from api_gateway.narrative.history_facts import suspect, written_version
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.release.domain import Release
from common.slo import wording
from common.slo.arithmetic import bad_events_allowed
from common.slo.vocabulary import DataStatus, RiskLevel

NEVER_MET_CONSUMED = 3.0
"""A budget spent three times over, at a burn above 1 in every window, is an objective not met."""
ALWAYS_MET_CONSUMED = 0.05
ENOUGH_ALLOWED_EVENTS = 20
"""A budget of fewer events says little: to spend none of it may be luck."""

_REVERSIBLE = {"deploy": "roll back", "config": "undo", "feature_flag": "undo"}
_NOUNS = {"deploy": "deploy", "config": "configuration change", "feature_flag": "flag change"}


@dataclass(frozen=True, slots=True)
class Action:
    """A recommendation in the imperative, and the ids of the facts that led to it."""

    code: str
    text: str
    facts: tuple[str, ...]

    def fact(self) -> Fact:
        """Return the action as a fact, which a text may state."""
        return Fact(f"action_{self.code}", "Recommended action", self.code, self.text)


def advise(context: ServiceContext, facts: Facts, now: datetime) -> list[Action]:
    """Return what to do, most urgent first; one of the actions is to do nothing."""
    halt = [*_halt(context, facts)]
    found = [
        *_reporting(context, facts),
        *(halt or _monitor(context)),
        *_roll_back(context, now),
        *_wait(facts),
        *_objective(context),
    ]
    return found or [Action("none", "no action is needed", ("level",))]


def _reporting(context: ServiceContext, facts: Facts) -> Iterator[Action]:
    status = context.state.data_status
    if status in {DataStatus.NO_DATA, DataStatus.STALE}:
        text = f"see why {context.name} sends no metric events"
        yield Action("fix_reporting", text, ("data_status",))
    elif context.state.recomputed:
        text = "look again in a moment: an objective has just been set"
        yield Action("wait_for_figures", text, ("data_status",))
    elif status is DataStatus.LAGGING:
        text = "see whether the burnrate service runs and keeps up"
        yield Action("fix_processing", text, ("data_status",))
    elif status is DataStatus.SATURATED:
        text = f"see who reports so many requests for {context.name}"
        yield Action("fix_reporting", text, ("data_status",))
    elif "coverage" in facts:
        text = f"let {context.name} send histograms with the bound that the objective asks for"
        yield Action("fix_histograms", text, ("coverage",))


def _halt(context: ServiceContext, facts: Facts) -> Iterator[Action]:
    state = context.state
    spent = state.error_budget_remaining <= 0 and not _is_thin(context.release)
    because = [
        *(["level"] if state.risk_level is RiskLevel.FREEZE else []),
        *(["budget_spent"] if spent else []),
        *(["release"] if context.release and not context.release.allowed else []),
    ]
    because = [fact_id for fact_id in because if fact_id in facts]
    if because:
        text = f"halt feature releases of {context.name}"
        yield Action("halt_releases", text, tuple(because))
    elif state.risk_level is RiskLevel.DANGER and "level" in facts:
        text = f"consider halting feature releases of {context.name}"
        yield Action("consider_halting_releases", text, ("level",))


def _is_thin(release: Release | None) -> bool:
    """Return whether the gate lets features through because too little is behind its reasons."""
    return release is not None and any(r.code == "thin_evidence" for r in release.reasons)


def _roll_back(context: ServiceContext, now: datetime) -> Iterator[Action]:
    change = suspect(context)
    if change is None:
        return
    at = wording.instant(change.at, now)
    because = ("change_before_onset", "onset")
    verb = _REVERSIBLE.get(change.kind)
    over = context.onset is None or context.onset.ended_at is not None
    if verb is None or over:
        yield Action("review_change", f"review what was changed at {at}", because)
        return
    version = written_version(change)
    what = f"{version} (since {at})" if version else f"the {_NOUNS[change.kind]} of {at}"
    yield Action("roll_back", f"{verb} {what}", because)


def _monitor(context: ServiceContext) -> Iterator[Action]:
    state = context.state
    if state.risk_level is RiskLevel.OBSERVE and state.data_status is not DataStatus.NO_DATA:
        yield Action("monitor", f"keep a close watch on {context.name}", ("level",))


def _wait(facts: Facts) -> Iterator[Action]:
    if "unblocked_at" in facts and "release" in facts and facts["release"].value == "BLOCK":
        text = f"plan the next feature release for after {facts['unblocked_at'].value}"
        yield Action("wait", text, ("unblocked_at", "release"))


def _objective(context: ServiceContext) -> Iterator[Action]:
    slo = context.state.least_budget
    if slo.default or context.state.data_status is not DataStatus.OK:
        return
    rates: Sequence[float] = (slo.burn_rate_5m, slo.burn_rate_1h, slo.burn_rate_24h)
    allowed = bad_events_allowed(slo.total, slo.objective)
    because = ("budget_spent", "burn_rates", "objective")
    never = slo.error_budget_consumed >= NEVER_MET_CONSUMED and min(rates) > 1
    if never and context.onset is None and allowed >= ENOUGH_ALLOWED_EVENTS:
        text = "lower the objective, or plan the work that would meet it"
        yield Action("lower_objective", text, because)
    elif (
        len(context.state.slos) == 1
        and slo.error_budget_consumed <= ALWAYS_MET_CONSUMED
        and max(rates) < 1
        and allowed >= ENOUGH_ALLOWED_EVENTS
    ):
        text = "consider raising the objective, which is met with room to spare"
        yield Action("raise_objective", text, because)
