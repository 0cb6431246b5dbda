"""Whatever lets the gate go without new data is recorded as loosening.

The gate's own decision is made before and after an edit of targets, policies and tiers, on the same
counts.
"""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.loosening.domain import Governed, loosenings, policy_loosenings, service_loosenings
from common.decisions.decision import Inputs, Previous, Standing
from common.decisions.evaluate import evaluate
from common.events import TargetSpec, Verdict
from common.policy.model import CHANGE_CLASSES
from common.slo.vocabulary import SliType
from tests.support.gate_inputs import NOW, SERVICE, inputs, policy, snapshot
from tests.support.gateway.promises import (
    DEFAULT,
    PromisedService,
    promised_service,
    with_edited_policies,
    with_edited_targets,
)
from tests.support.servers.effort import examples

SEEDS = st.integers(0, 2**63)


def verdicts(service: PromisedService, previous: Previous | None) -> dict[str, Verdict]:
    """Return what the gate decides on a service, by class of change."""
    given_inputs: Inputs = inputs(
        tier=service.tier,
        snapshot=snapshot(service.slos(), status=service.status),
        previous=previous,
    )
    return {v.change_class: v for v in evaluate(service.policy, given_inputs).verdicts}


def edit_of(rng: random.Random) -> tuple[PromisedService, PromisedService]:
    """Return a service before and after an edit."""
    service = promised_service(rng)
    edit = rng.choice((with_edited_targets, with_edited_policies, None))
    if edit is None:
        return service, replace(service, tier=rng.choice((1, 2, 3)))
    return service, edit(rng, service)


def opened(before: dict[str, Verdict], then: dict[str, Verdict]) -> list[str]:
    """Return the classes of change that were blocked and are not any more."""
    return [
        change
        for change, verdict in before.items()
        if (verdict.decision == "BLOCK" and then[change].decision != "BLOCK")
        or (not verdict.allowed and then[change].allowed)
    ]


@given(SEEDS)
@settings(max_examples=examples(3000), deadline=None)
def test_whatever_opens_the_gate_without_new_data_is_a_loosening(seed: int) -> None:
    rng = random.Random(seed)
    service, after = edit_of(rng)
    since = NOW - timedelta(minutes=rng.choice((1, 30, 120)))
    held = {change: Standing("BLOCK", since) for change in CHANGE_CLASSES}
    first = Previous("one", service.policy.policy_hash, held) if rng.random() < 0.5 else None
    before = verdicts(service, first)
    standing = {v.change_class: Standing(v.decision, v.since) for v in before.values()}
    then = verdicts(after, Previous("two", service.policy.policy_hash, standing))
    if not opened(before, then):
        return
    assert service_loosenings(service.promises, after.promises), opened(before, then)
    if after.policies != service.policies:
        tiers = {SERVICE: service.tier}
        assert policy_loosenings(service.in_force, after.in_force, tiers)


def spec(**fields: Any) -> TargetSpec:
    """Return the default target with other fields."""
    return msgspec.structs.replace(DEFAULT, **fields)


LOOSER: list[Any] = [
    # what was spent more than a week ago is forgotten
    ("window_days", DEFAULT, spec(window_days=7)),
    ("window_days", DEFAULT, spec(window_days=90)),
    # no pair of windows can be reached before, so that the level blocks by itself
    (
        "objective",
        spec(objective=Decimal("0.6"), window_days=90),
        spec(objective=Decimal("0.7"), window_days=90),
    ),
    ("objective", DEFAULT, spec(objective=Decimal("0.998"))),
    ("min_bad_events", DEFAULT, spec(min_bad_events=5)),
    ("indicator", DEFAULT, spec(indicator="search")),
    ("target", DEFAULT, None),
]


@pytest.mark.parametrize(("field", "old", "new"), LOOSER)
def test_a_target_is_looser_by_the_field_that_is_named(field: str, old: Any, new: Any) -> None:
    assert [loosened.field for loosened in loosenings(old, new)] == [field]


MILDER: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("risk.FREEZE.feature", {}, {"risk": {"FREEZE": {"feature": "WARN"}}}),
    ("budget_exhausted.feature", {}, {"budget_exhausted": {"feature": "WARN"}}),
    ("on_unknown.tier 1", {}, {"on_unknown": {"1": "WARN"}}),
    ("no_traffic", {}, {"no_traffic": "MEASURED"}),
    ("conditions.burn_pair", {}, {"conditions": {"burn_pair": True}}),
    ("conditions.min_bad_events", {}, {"conditions": {"min_bad_events": 5}}),
    ("forecast.warn_within_hours", {"forecast": {"warn_within_hours": 24}}, {}),
    ("overrides.second_approver_tiers", {"overrides": {"second_approver_tiers": [1]}}, {}),
    ("overrides.max_hours", {"overrides": {"max_hours": 2}}, {}),
    ("hysteresis", {"hysteresis": {"min_block_minutes": 5}}, {"description": "without it"}),
]


@pytest.mark.parametrize(("field", "old", "new"), MILDER, ids=[row[0] for row in MILDER])
def test_a_policy_is_milder_by_the_field_that_is_named(
    field: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    one, other = (Governed(policy(**document), (1,)) for document in (old, new))
    assert [loosened.field for loosened in loosenings(one, other)] == [field]


NEUTRAL: list[Any] = [
    (DEFAULT, spec(objective=Decimal("0.9995"))),
    (DEFAULT, spec(name="another name")),
    (DEFAULT, spec(min_bad_events=0)),
    (
        DEFAULT,
        msgspec.structs.replace(
            DEFAULT, sli_type=SliType.ERROR_RATE, max_error_ratio=Decimal("0.001")
        ),
    ),
    (None, DEFAULT),
]


@pytest.mark.parametrize(("old", "new"), NEUTRAL)
def test_what_is_as_strict_or_stricter_asks_for_no_reason(old: Any, new: Any) -> None:
    assert loosenings(old, new) == ()
