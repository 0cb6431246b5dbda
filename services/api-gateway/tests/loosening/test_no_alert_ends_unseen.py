"""Whatever ends an alert, or silences it, without new data is recorded as loosening."""

import random
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.loosening.domain import Silenced, loosenings, service_loosenings
from common.alerting.rules import Rule, read_rule
from common.alerting.silences import Matcher, matches_all
from common.decisions import readings
from common.invalid_field import InvalidFieldError
from tests.support.gate_inputs import NOW, SERVICE, snapshot
from tests.support.gateway.promises import (
    DAY,
    PromisedService,
    promised_service,
    with_edited_targets,
)
from tests.support.servers.effort import examples

SEEDS = st.integers(0, 2**63)

FIELD_OF = {
    "risk_level": "at_least_level",
    "burn_rate": "long_windows_seconds",
    "budget_left": "at_most_ratio",
    "constant_burn": "at_least_burn_rate",
}


def threshold_of(rng: random.Random, kind: str) -> Any:
    """Return a threshold of a level."""
    windows = (3600, 21_600, DAY, 3 * DAY)
    return {
        "risk_level": rng.choice(("OBSERVE", "DANGER", "FREEZE")),
        "burn_rate": rng.sample(windows, rng.randrange(1, 4)),
        "budget_left": rng.choice((0.5, 0.1, 0.0, -1.0)),
        "constant_burn": rng.choice((1.0, 2.0, 10.0)),
    }[kind]


def rule_of(rng: random.Random, kind: str) -> Rule:
    """Return a rule."""
    while True:
        severities = sorted(rng.choices(("ticket", "page"), k=rng.randrange(1, 3)), reverse=True)
        levels = [{"severity": s, FIELD_OF[kind]: threshold_of(rng, kind)} for s in severities]
        document = {
            "name": "r",
            "kind": kind,
            "levels": levels,
            "enabled": rng.random() < 0.8,
            "min_bad_events": rng.choice((0, 1, 30)),
            "resolve_ratio": rng.choice((0.5, 0.9, 1.0)),
            "evidence_window": rng.choice(("long", "slo")),
            "services": rng.choice(([], [SERVICE], ["check*"], ["cart"])),
            "except_services": rng.choice(([], [], [SERVICE], ["cart"])),
            "tiers": rng.choice(([], [], [1], [1, 2])),
            "except_tiers": rng.choice(([], [], [2])),
        }
        try:
            return read_rule(document)
        except InvalidFieldError:  # levels in the wrong order
            continue


def with_edited_rule(rng: random.Random, rule: Rule) -> Rule | None:
    """Return the rule with some fields of another one, another one, or none."""
    other = rule_of(rng, rule.kind)
    if rng.random() < 0.2:
        return rng.choice((other, None))
    names = rng.sample([*Rule.__struct_fields__], 4)
    return msgspec.structs.replace(rule, **{name: getattr(other, name) for name in names})


def condition(rule: Rule, service: PromisedService) -> tuple[int, bool]:
    """Return how severe what a rule reads now is (0: nothing), and whether an alert would end."""
    if not rule.applies_to(SERVICE, service.tier):
        return 0, True
    found = readings.read(rule, readings.Inputs(snapshot(service.slos(), status=service.status)))
    met = [
        {"ticket": 1, "page": 2}[level.severity]
        for level_readings in found.values()
        for level, reading in zip(rule.levels, level_readings, strict=True)
        if reading.met
    ]
    return max(met, default=0), all(r[0].cleared for r in found.values())


def ends(before: tuple[int, bool], then: tuple[int, bool]) -> bool:
    """Whether what is read is less severe than before, or an alert would end."""
    return then[0] < before[0] or (before[0] > 0 and then[1])


@given(SEEDS)
@settings(max_examples=examples(2000), deadline=None)
def test_whatever_ends_an_alert_without_new_data_is_a_loosening(seed: int) -> None:
    rng = random.Random(seed)
    service, kind = promised_service(rng), rng.choice(sorted(FIELD_OF))
    rule = rule_of(rng, kind)
    before = condition(rule, service)
    if rng.random() < 0.5:
        after = with_edited_targets(rng, service)
        if ends(before, condition(rule, after)):
            assert service_loosenings(service.promises, after.promises)
    else:
        new = with_edited_rule(rng, rule)
        if ends(before, (0, True) if new is None else condition(new, service)):
            assert loosenings(rule, new)


VALUES = st.sampled_from(["checkout", "cart", "page", "1"])
MATCHERS = st.builds(Matcher, st.sampled_from(["service", "severity", "tier"]), VALUES)
INSTANTS = st.integers(0, 6).map(lambda hours: NOW + timedelta(hours=hours))
SILENCES = st.builds(
    Silenced, st.lists(MATCHERS, min_size=1, max_size=3).map(tuple), INSTANTS, INSTANTS
)


@given(st.none() | SILENCES, SILENCES, INSTANTS, st.tuples(VALUES, VALUES, VALUES))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_silences_an_alert_is_a_loosening(
    old: Silenced | None, new: Silenced, at: Any, values: tuple[str, str, str]
) -> None:
    labels = dict(zip(("service", "severity", "tier"), values, strict=True))

    def silent(silence: Silenced | None) -> bool:
        return silence is not None and (
            silence.starts_at <= at < silence.ends_at and matches_all(silence.matchers, labels)
        )

    if silent(new) and not silent(old):
        assert loosenings(old, new)
