"""Whether a change makes a promise milder: one function over what was promised and what is. Pure.

A change is milder if it may let the gate go from BLOCK to something milder, or an alert end or stay
silent, without a single new event. What is not proved to be at least as strict counts as milder.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from common.alerting.rules import SEVERITY_ORDER, Rule, rule_document, threshold_covers
from common.alerting.silences import Matcher
from common.events import LoosenedField, TargetSpec
from common.policy.effective import PoliciesInForce
from common.policy.model import LEVELS, Policy, Tier
from common.policy.model import SEVERITY_ORDER as DECISION_ORDER
from common.slo import wording
from common.slo.vocabulary import SliType
from common.slo.windows import pair_rules


class Governed(Struct, frozen=True):
    """Services of these tiers under a policy."""

    policy: Policy
    tiers: tuple[Tier, ...]


class Silenced(Struct, frozen=True):
    """Alerts that notify nobody, for a time."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime


Promise = TargetSpec | Governed | Rule | Silenced
"""What the gate decides by, and what alerts are made of."""

Loosened = tuple[LoosenedField, ...]


def loosenings(old: Promise | None, new: Promise | None) -> Loosened:
    """Return the fields in which `new` is milder than `old`; None: there is no such promise.

    Both are of one kind. A target in place of the default one is compared with the default one.
    """
    kind = old if old is not None else new
    if isinstance(kind, Silenced):
        return tuple(_silence(old, new))  # type: ignore[arg-type]
    if old is None:
        return ()
    if new is None:
        return (_field(_KINDS[type(old)], _title(old), "deleted"),)
    return tuple(_COMPARED[type(old)](old, new))


class ServicePromises(Struct, frozen=True):
    """All that is promised of a service: its targets by id, `default` without any, its policy."""

    targets: dict[int, TargetSpec]
    default: TargetSpec
    governed: Governed


def service_loosenings(old: ServicePromises, new: ServicePromises) -> Loosened:
    """Return in which fields a service is promised something milder."""
    targets = target_loosenings(old.targets, new.targets, old.default)
    return (*targets, *loosenings(old.governed, new.governed))


def target_loosenings(
    old: Mapping[int, TargetSpec], new: Mapping[int, TargetSpec], default: TargetSpec
) -> Loosened:
    """Return in which fields the targets of a service, by id, are milder.

    Targets that are added only take something away where they end the default one, unless one of
    them is as strict.
    """
    found = [loosenings(spec, new.get(number)) for number, spec in old.items()]
    if not old and new:
        found.append(min((loosenings(default, spec) for spec in new.values()), key=len))
    return tuple(field for fields in found for field in fields)


def policy_loosenings(
    old: PoliciesInForce, new: PoliciesInForce, tiers: Mapping[str, Tier]
) -> dict[str, Loosened]:
    """Return in which fields the policies in force are milder, by service; `tiers` of each.

    Services that do not exist yet are not among them: nobody was promised anything.
    """
    known: dict[tuple[str, str, Tier], Loosened] = {}
    found = {}
    for name, tier in tiers.items():
        one, other = old.policy_for(name, tier), new.policy_for(name, tier)
        key = one.policy_hash, other.policy_hash, tier
        if key not in known:
            known[key] = loosenings(Governed(one, (tier,)), Governed(other, (tier,)))
        if known[key]:
            found[name] = known[key]
    return found


def _field(name: str, before: object, after: object) -> LoosenedField:
    return LoosenedField(name, _text(before), _text(after))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return wording.number(value)
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)


def _title(promise: Promise) -> str:
    match promise:
        case TargetSpec():
            return f"{promise.name}, {wording.objective(float(promise.objective))}"
        case Rule():
            return promise.name
        case _:
            return ""


def _higher(name: str, old: float | None, new: float | None) -> Iterator[LoosenedField]:
    """Yield a field that is milder the higher it is."""
    if (new or 0) > (old or 0):
        yield _field(name, old, new)


def _target(old: TargetSpec, new: TargetSpec) -> Iterator[LoosenedField]:
    counts = {SliType.AVAILABILITY, SliType.ERROR_RATE}  # of the same events
    if old.sli_type != new.sli_type and not {old.sli_type, new.sli_type} <= counts:
        yield _field("sli_type", old.sli_type.value, new.sli_type.value)
    if new.indicator != old.indicator:
        yield _field("indicator", old.indicator, new.indicator)
    pairs = [pair_rules(spec.objective, spec.window_days) for spec in (old, new)]
    # without a pair of windows that it can reach an objective blocks by its level alone
    if new.objective < old.objective or (pairs[1] and not pairs[0]):
        ratios = (wording.objective(float(spec.objective)) for spec in (old, new))
        yield _field("objective", *ratios)
    if new.window_days != old.window_days:  # either way spent budget may be forgotten
        yield _field("window_days", f"{old.window_days} d", f"{new.window_days} d")
    if None not in {old.threshold_seconds, new.threshold_seconds}:
        yield from _higher("threshold_seconds", old.threshold_seconds, new.threshold_seconds)
    yield from _higher("min_bad_events", old.min_bad_events, new.min_bad_events)


def _governed(old: Governed, new: Governed) -> Iterator[LoosenedField]:
    one, other = old.policy, new.policy
    for level in LEVELS:
        yield from _milder(f"risk.{level}", one.risk[level], other.risk[level])
    yield from _milder("budget_exhausted", one.budget_exhausted, other.budget_exhausted)
    for before, after in zip(old.tiers, new.tiers, strict=True):
        known = (
            {f"tier {before}": one.unknown_as(before)},
            {f"tier {before}": other.unknown_as(after)},
        )
        yield from _milder("on_unknown", *known)
        if one.needs_approver(before) and not other.needs_approver(after):
            yield _field("overrides.second_approver_tiers", f"tier {before}", f"not tier {after}")
    yield from _higher("overrides.max_hours", one.overrides.max_hours, other.overrides.max_hours)
    if one.no_traffic == "UNKNOWN" and other.no_traffic == "MEASURED":
        yield _field("no_traffic", one.no_traffic, other.no_traffic)
    yield from _conditions(one, other)
    yield from _hysteresis(one, other)
    warned, warns = one.forecast.warn_within_hours, other.forecast.warn_within_hours
    if warned is not None and (warns is None or warns < warned):
        yield _field("forecast.warn_within_hours", warned, warns)


def _milder(name: str, old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[LoosenedField]:
    """Yield the decisions that are milder than they were."""
    for key, before in old.items():
        if DECISION_ORDER[new[key]] < DECISION_ORDER[before]:
            yield _field(f"{name}.{key}", before, new[key])


def _conditions(old: Policy, new: Policy) -> Iterator[LoosenedField]:
    one, other = old.conditions, new.conditions
    if other.burn_pair and not one.burn_pair:
        yield _field("conditions.burn_pair", one.burn_pair, other.burn_pair)
    name = "conditions.min_bad_events"
    yield from _higher(name, one.min_bad_events, other.min_bad_events)
    asked, asks = one.budget_evidence, other.budget_evidence
    for field in ("min_bad_events", "min_reported_hours"):
        before, after = getattr(asked, field, None), getattr(asks, field, None)
        yield from _higher(f"conditions.budget_evidence.{field}", before, after)


def _hysteresis(old: Policy, new: Policy) -> Iterator[LoosenedField]:
    """Yield that blocks end: what holds one holds it by this very policy, and by no other."""
    rule = old.hysteresis
    holds = rule.min_block_minutes > 0 or {
        rule.burn_rate_below,
        rule.budget_remaining_above,
    } != {None}
    if holds and new.policy_hash != old.policy_hash:
        yield _field("hysteresis", "holds blocks", "blocks that it holds end")


def _rule(old: Rule, new: Rule) -> Iterator[LoosenedField]:
    if not old.enabled:
        return
    if not new.enabled:
        yield _field("enabled", old.enabled, new.enabled)
    if new.kind != old.kind:
        yield _field("kind", old.kind, new.kind)
    elif not _levels_cover(new, old):
        before, after = (rule_document(rule)["levels"] for rule in (old, new))
        yield _field("levels", _levels_text(before), _levels_text(after))
    yield from _rule_timing(old, new)
    yield from _watched(old, new)
    if gone := [name for name in old.channels if name not in new.channels]:
        yield _field("channels", gone, "")
    if more := [name for name in new.inhibits if name not in old.inhibits]:
        yield _field("inhibits", "", more)


def _rule_timing(old: Rule, new: Rule) -> Iterator[LoosenedField]:
    for name in ("for_seconds", "cooldown_seconds", "min_bad_events", "resolve_ratio"):
        yield from _higher(name, getattr(old, name), getattr(new, name))
    if new.resolve_for_seconds < old.resolve_for_seconds:
        yield _field("resolve_for_seconds", old.resolve_for_seconds, new.resolve_for_seconds)
    again, agains = old.renotify_ratio, new.renotify_ratio
    if again is not None and (agains is None or agains > again):
        yield _field("renotify_ratio", again, agains)
    if old.evidence_window == "slo" and new.evidence_window == "long":
        yield _field("evidence_window", old.evidence_window, new.evidence_window)


def _watched(old: Rule, new: Rule) -> Iterator[LoosenedField]:
    """Yield which services the rule may not watch any more."""
    for name in ("services", "tiers"):
        before, after = getattr(old, name), getattr(new, name)
        if after and (not before or not {*before} <= {*after}):
            yield _field(name, before or "all", after)
    for name in ("except_services", "except_tiers"):
        if more := [value for value in getattr(new, name) if value not in getattr(old, name)]:
            yield _field(name, "", more)


def _levels_cover(new: Rule, old: Rule) -> bool:
    """Whether each level of `old` is reached as easily and as severely in `new`."""
    mildest = threshold_covers(new.kind, new.levels[0], old.levels[0])
    return mildest and all(
        any(
            SEVERITY_ORDER[level.severity] >= SEVERITY_ORDER[known.severity]
            and threshold_covers(new.kind, level, known)
            for level in new.levels
        )
        for known in old.levels
    )


def _levels_text(levels: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{level['severity']} {_text(value)}"
        for level in levels
        for name, value in level.items()
        if name != "severity"
    )


def _silence(old: Silenced | None, new: Silenced | None) -> Iterator[LoosenedField]:
    if new is None:
        return
    span = f"{wording.minute(new.starts_at)} to {wording.minute(new.ends_at)}"
    if old is None:
        yield _field("silence", "", span)
        return
    if not {*old.matchers} <= {*new.matchers}:  # each matcher leaves alerts out
        yield _field("matchers", len(old.matchers), len(new.matchers))
    if new.starts_at < old.starts_at or new.ends_at > old.ends_at:
        before = f"{wording.minute(old.starts_at)} to {wording.minute(old.ends_at)}"
        yield _field("ends_at", before, span)


_KINDS: dict[type, str] = {TargetSpec: "target", Rule: "rule", Governed: "policy"}
_COMPARED: dict[type, Any] = {TargetSpec: _target, Governed: _governed, Rule: _rule}
