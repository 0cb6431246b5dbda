"""The sentences of reasons: figures with their units, one sentence each. Pure."""

from functools import partial
from typing import Final

from common.access.names import attributed
from common.events import BurnPair, ChangeClass, LooseningChanged, OverrideChanged, SloStatus
from common.policy.model import BudgetEvidence
from common.slo import wording
from common.slo.risk import LEAST_COVERAGE_RATIO, RISK_BOUNDARIES
from common.slo.vocabulary import RiskLevel

PLURALS: Final[dict[ChangeClass, str]] = {
    "feature": "features",
    "fix": "fixes",
    "security": "security changes",
    "rollback": "rollbacks",
}
_SHOWN_FIELDS = 3
_ENDS_A_DEPLOYMENT = "a rollback ends a deployment, so it goes through, and this is recorded"


def level(slo: SloStatus, change: ChangeClass, *, blocks: bool) -> str:
    """Say how fast a budget burns and which level that is, and why a rollback goes through."""
    is_freeze = slo.risk_level is RiskLevel.FREEZE
    word = "above" if is_freeze else "from"
    bound = RISK_BOUNDARIES.get(slo.risk_level, 0.0)
    text = f"{burning(slo)}: {slo.risk_level}, {word} {wording.number(bound)}"
    if is_freeze and change == "rollback" and not blocks:
        return f"{text}; {_ENDS_A_DEPLOYMENT}"
    return text


def level_capped(slo: SloStatus) -> str:
    """Say that the target's own minimum keeps the level down."""
    return (
        f"{burning(slo)}, but its target counts a level above OBSERVE only from "
        f"{slo.min_bad_events} bad events in 24 h on"
    )


def burning(slo: SloStatus) -> str:
    """Say how fast a budget burns, and how fast if all that is uncertain was good."""
    least = slo.composite_burn_rate_least
    rate = wording.burn_rate(slo.composite_burn_rate, level=slo.risk_level)
    text = f"{rate} times as fast as allowed"
    if least is not None:
        text += (
            f" ({wording.burn_rate(least)} if none of its {slo.uncertain} uncertain requests was "
            "slow)"
        )
    return f"{slo.name} burns its error budget {text}"


def still_burning(slo: SloStatus, calm: float) -> str:
    """Say that a budget burns too fast for a block to end."""
    rate, below = wording.compared(wording.snapped(slo.composite_burn_rate, calm), calm)
    return (
        f"{slo.name} burns its error budget {rate} times as fast as allowed; "
        f"a block ends below {below}"
    )


def still_little(slo: SloStatus, enough: float) -> str:
    """Say that too little of a budget is left for a block to end."""
    left = wording.left(wording.snapped(slo.error_budget_remaining, enough), [enough])
    return (
        f"{slo.name} has {left} of its error budget left; "
        f"a block ends above {wording.objective(enough)}"
    )


def within_budget(worst: SloStatus, least: SloStatus) -> str:
    """Say how fast the worst budget burns, and how much is left of the one with the least left."""
    left = wording.left(least.error_budget_remaining)
    if least is worst:
        return f"{burning(worst)} and has {left} of it left"
    return f"{burning(worst)}; the least budget is that of {least.name}, with {left} left"


def budget_spent(slo: SloStatus, change: ChangeClass, *, recorded: bool) -> str:
    """Say that a budget is spent, and whether the policy allows the change all the same."""
    times = wording.burn_rate(max(1.0, slo.error_budget_consumed), [1.0])
    text = (
        f"the error budget of {slo.name} is spent: {times} times what "
        f"the requests of {slo.window_days} days allow"
    )
    if not recorded:
        return text
    if change == "rollback":
        return f"{text}; {_ENDS_A_DEPLOYMENT}"
    return f"{text}; that alone does not stop {PLURALS[change]}, and this is recorded"


def pair_not_burning(slo: SloStatus, pair: BurnPair) -> str:
    """Say which pair of windows comes nearest to confirming a level."""
    rate, threshold = wording.compared(pair.burn_rate, pair.threshold)
    span = partial(wording.reported_window, reported_seconds=slo.reported_seconds)
    return (
        f"no pair of windows confirms it for {slo.name}: the nearest, "
        f"{span(pair.long_seconds)} and {span(pair.short_seconds)}, burns at "
        f"{rate}, and more than {threshold} is needed to block"
    )


def thin_evidence(slo: SloStatus, bad: int, least: int, window: str) -> str:
    """Say on how few bad events a level or a spent budget rests."""
    return f"{slo.name} rests on {bad} bad events in {window}; the policy blocks from {least} on"


def partial_coverage(slo: SloStatus) -> str:
    """Say how few of the present requests are certainly good or bad."""
    recent = slo.recent
    why = "the others carry no histogram"
    if recent.uncertain:
        why = f"{recent.uncertain} lie in histogram buckets across its threshold, and count as bad"
    certain = wording.left(recent.coverage_ratio, [LEAST_COVERAGE_RATIO])
    return (
        f"{slo.name} can tell good from bad for {certain} of the requests of the last "
        f"{wording.window(recent.window_seconds)}, less than "
        f"{wording.objective(LEAST_COVERAGE_RATIO)}: {why}"
    )


def thin_budget(slo: SloStatus, asked: BudgetEvidence) -> str:
    """Say on how few bad events, and on how short a time of reports, a spent budget rests."""
    hours = (slo.reported_seconds or 0) // 3600
    return (
        f"{slo.name} rests on {wording.counted(slo.bad, 'bad event')} and on reports of "
        f"{wording.counted(hours, 'hour')} of {slo.window_days} days; the policy blocks from "
        f"{asked.min_bad_events} bad events or {asked.min_reported_hours} hours on"
    )


def exhaustion_near(name: str, hours: float, limit: float) -> str:
    """Say when a budget is forecast to be spent."""
    expected, limited = wording.compared(hours, limit, 1)
    return (
        f"the error budget of {name} is forecast to be spent in {expected} h; "
        f"the policy warns from {limited} h on"
    )


def exhaustion_unknown(name: str, limit: float) -> str:
    """Say that a budget may be near its end, and that this is not known yet."""
    return (
        f"it is not known yet when the error budget of {name} is forecast to be spent; "
        f"the policy warns from {wording.number(limit)} h on"
    )


def overridden(override: OverrideChanged) -> str:
    """Say who overrides, until when, and why."""
    who = attributed(override.actor, override.on_behalf_of)
    if override.approver:
        who += f", approved by {attributed(override.approver, override.approved_on_behalf_of)},"
    until = wording.minute(override.expires_at)
    return f"{who} overrides until {until}: {override.reason}"


def loosened(loosening: LooseningChanged) -> str:
    """Say who made which promise milder, from what to what, and why."""
    first = "; ".join(
        f"{part.field} from {part.before or 'none'} to {part.after or 'none'}"
        for part in loosening.loosened[:_SHOWN_FIELDS]
    )
    more = len(loosening.loosened) - _SHOWN_FIELDS
    others = f" and {more} more" if more > 0 else ""
    at = wording.minute(loosening.loosened_at)
    why = f": {loosening.reason}" if loosening.reason else ", without a reason"
    who = attributed(loosening.actor, loosening.on_behalf_of)
    return f"{who} loosened {loosening.title} at {at}, {first}{others}{why}"
