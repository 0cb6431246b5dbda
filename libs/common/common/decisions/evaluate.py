"""Whether a service may be released: a total function of a policy and its inputs. Pure.

More errors never turn a BLOCK into anything milder, and neither do missing data: UNKNOWN replaces
ALLOW and WARN only.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from common.decisions import reasons, sentences
from common.decisions.decision import (
    Evaluation,
    Inputs,
    Standing,
    burns_below,
    by_precedence,
    confirmed_at,
    data_at,
    is_usable,
)
from common.events import ChangeClass, OverrideChanged, Reason, Verdict, least_budget_of
from common.policy.model import CHANGE_CLASSES, Policy
from common.slo import wording
from common.slo.vocabulary import RiskLevel


def evaluate(policy: Policy, inputs: Inputs) -> Evaluation:
    """Return all verdicts on a service at `inputs.now`, in the order of precedence."""
    unknowns = [*reasons.unknowns(policy, inputs)]
    plain = [_plain(policy, inputs, unknowns, change) for change in CHANGE_CLASSES]
    usable = [o for o in inputs.overrides if is_usable(o, inputs.service_name, inputs.now)]
    overridden = [v for o in by_precedence(tuple(usable)) for v in _overridden(o, plain)]
    snapshot = inputs.snapshot
    return Evaluation(
        data_at=data_at(inputs),
        data_status=reasons.data_status(inputs),
        risk_level=RiskLevel.SAFE if snapshot is None else snapshot.risk_level,
        on_unknown=policy.unknown_as(inputs.tier),
        unblocked_at=_unblocked_at(inputs, plain),
        verdicts=(*overridden, *plain),
    )


def next_look(policy: Policy, inputs: Inputs) -> datetime | None:
    """Return when the verdicts may change by the passing of time alone, after `inputs.now`."""
    usable = (o for o in inputs.overrides if is_usable(o, inputs.service_name, inputs.now))
    looks = [override.expires_at for override in usable]
    looks += [loosening.until for loosening in reasons.shown_loosenings(inputs)]
    heard_at = confirmed_at(inputs)
    if heard_at is not None:
        looks.append(heard_at + timedelta(seconds=inputs.silent_after_seconds))
    if inputs.previous is not None and policy.hysteresis.min_block_minutes:
        held = timedelta(minutes=policy.hysteresis.min_block_minutes)
        looks += [standing.since + held for standing in inputs.previous.standing.values()]
    return min((at for at in looks if at > inputs.now), default=None)


def _plain(
    policy: Policy, inputs: Inputs, unknowns: Sequence[Reason], change: ChangeClass
) -> Verdict:
    """Return the verdict on a class of change without an override."""
    found = [*reasons.measured(policy, inputs, change), *unknowns]
    if reasons.most_severe(found) != "BLOCK":
        found += _held(policy, inputs, change)
    if not found and inputs.snapshot is not None:
        worst = reasons.worst_first(inputs.snapshot)[0]
        rate = worst.composite_burn_rate
        text = sentences.within_budget(worst, least_budget_of(inputs.snapshot.slos))
        found.append(Reason("within_budget", "ALLOW", worst.name, rate, None, text))
    found += reasons.loosened(inputs)
    decision = reasons.most_severe(found)
    known = policy.unknown_as(inputs.tier) if decision == "UNKNOWN" else decision
    before = _before(inputs, change)
    return Verdict(
        change_class=change,
        decision=decision,
        allowed=known != "BLOCK",
        since=before.since if before and before.decision == decision else inputs.now,
        reasons=reasons.ordered(found),
    )


def _before(inputs: Inputs, change: ChangeClass) -> Standing | None:
    return None if inputs.previous is None else inputs.previous.standing.get(change)


def _held(policy: Policy, inputs: Inputs, change: ChangeClass) -> Iterator[Reason]:
    """Yield the reasons that delay the end of a block by this policy."""
    before, previous = _before(inputs, change), inputs.previous
    if before is None or previous is None or before.decision != "BLOCK":
        return
    if previous.policy_hash != policy.policy_hash:
        return
    rule = policy.hysteresis
    minutes = (inputs.now - before.since).total_seconds() / 60
    if minutes < rule.min_block_minutes:
        text = f"a block lasts at least {wording.number(rule.min_block_minutes)} minutes"
        yield Reason("held_for_time", "BLOCK", None, minutes, rule.min_block_minutes, text)
    if inputs.snapshot is None:
        return
    blocks_level = any(by_class[change] == "BLOCK" for by_class in policy.risk.values())
    blocks_spent = policy.budget_exhausted[change] == "BLOCK"
    for slo in reasons.worst_first(inputs.snapshot):
        rate, calm = slo.composite_burn_rate, rule.burn_rate_below
        if blocks_level and calm is not None and not burns_below(slo, calm):
            text = sentences.still_burning(slo, calm)
            yield Reason("held_by_burn_rate", "BLOCK", slo.name, rate, calm, text)
        left, enough = slo.error_budget_remaining, rule.budget_remaining_above
        if blocks_spent and enough is not None and not left > enough:
            text = sentences.still_little(slo, enough)
            yield Reason("held_by_budget", "BLOCK", slo.name, left, enough, text)


def _overridden(override: OverrideChanged, plain: Sequence[Verdict]) -> Iterator[Verdict]:
    """Yield the verdicts of an override, each with the reasons that it overrides."""
    text = sentences.overridden(override)
    reason = Reason("overridden", override.decision, None, None, None, text)
    for verdict in plain:
        if override.change_class in {None, verdict.change_class}:
            yield Verdict(
                change_class=verdict.change_class,
                decision=override.decision,
                allowed=override.decision != "BLOCK",
                since=override.created_at,
                reasons=(reason, *verdict.reasons),
                override_id=override.id,
                version=override.version,
            )


def _unblocked_at(inputs: Inputs, plain: Sequence[Verdict]) -> datetime | None:
    """Return when all that blocks features is forecast to have ended; None where any is not."""
    feature = next(verdict for verdict in plain if verdict.change_class == "feature")
    blocking = {reason.slo for reason in feature.reasons if reason.effect == "BLOCK"}
    forecasts = reasons.fresh_forecasts(inputs)
    ends = [forecasts[slo].unblocked_at if slo in forecasts else None for slo in blocking]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
