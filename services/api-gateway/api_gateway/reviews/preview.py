"""What an edit would do to the gate and to open alerts, by the functions that decide live. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from common.alerting.rules import Rule
from common.decisions import readings
from common.decisions.decision import Inputs
from common.decisions.evaluate import evaluate
from common.decisions.sentences import PLURALS
from common.events import BurnRateSnapshot, ChangeClass, Decision, SloStatus, headline
from common.policy.model import Policy
from common.slo import wording


@dataclass(frozen=True, slots=True)
class Effect:
    """What the gate would decide otherwise on a service, for one class of change."""

    service_name: str
    change_class: ChangeClass
    before: Decision
    after: Decision
    allowed_before: bool
    allowed_after: bool


@dataclass(frozen=True, slots=True)
class GateView:
    """A service as the gate sees it: its policy and all that a decision depends on."""

    policy: Policy
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An open alert: its rule and objective; `slo` is empty where it is about the service."""

    rule: str
    service_name: str
    slo: str
    tier: int


def effects(before: GateView, after: GateView) -> list[Effect]:
    """Return the classes of change for which the gate would decide otherwise."""
    pairs = zip(
        evaluate(before.policy, before.inputs).verdicts,
        evaluate(after.policy, after.inputs).verdicts,
        strict=True,
    )
    return [
        Effect(
            before.inputs.service_name,
            one.change_class,
            one.decision,
            other.decision,
            one.allowed,
            other.allowed,
        )
        for one, other in pairs
        if (one.decision, one.allowed) != (other.decision, other.allowed)
    ]


def with_objectives(snapshot: BurnRateSnapshot, slos: Sequence[SloStatus]) -> BurnRateSnapshot:
    """Return the snapshot as it would be with these objectives, at least one."""
    return replace(snapshot, slos=tuple(slos), **headline(slos))


def would_end(alert: OpenAlert, rules: Mapping[str, Rule], inputs: readings.Inputs) -> bool:
    """Return whether an open alert would end with these rules and figures."""
    rule = rules.get(alert.rule)
    if rule is None or not rule.applies_to(alert.service_name, alert.tier):
        return True
    found = readings.read(rule, inputs).get(alert.slo)
    if found is None:
        return readings.is_gone(rule, alert.slo, inputs)
    return found[0].cleared


def in_words(found: Iterable[Effect], ending: int, silenced: int) -> str:
    """Say what an edit would do: "BLOCK would become ALLOW for features; 2 alerts would end"."""
    classes: dict[tuple[Decision, Decision], dict[str, None]] = {}
    for effect in found:
        kinds = classes.setdefault((effect.before, effect.after), {})
        kinds[PLURALS[effect.change_class]] = None
    parts = [
        f"{before} would become {after} for {wording.listed([*kinds])}"
        for (before, after), kinds in classes.items()
    ]
    parts += [f"{wording.counted(ending, 'alert')} would end"] if ending else []
    quiet = wording.counted(silenced, "alert")
    parts += [f"{quiet} would notify nobody"] if silenced else []
    return "; ".join(parts) or "the gate's decision stays, and no alert would end"
