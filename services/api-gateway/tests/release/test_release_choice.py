"""Which verdict of a decision fits a change, and what is left of it when it is too old."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from api_gateway.catalog.domain import Service
from api_gateway.release.domain import ProposedChange, Release, release_of, undecided
from common.events import ChangeClass, Decision, GateDecision
from common.policy.files import read_policies
from common.policy.model import CHANGE_CLASSES
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import LIFETIME, decided, verdict

SERVICE = Service(
    revision=1,
    id=1,
    name="checkout",
    tier=1,
    owner="payments",
    description=None,
    retired=False,
    created_at=NOW - timedelta(days=1),
    updated_at=NOW,
)
[DEFAULT] = read_policies([])
LATE = NOW + LIFETIME


def choose(
    decision: GateDecision,
    change_class: ChangeClass = "feature",
    version: str | None = None,
    in_force: tuple[int, ...] = (),
    now: Any = NOW,
) -> Release:
    found = release_of(decision, ProposedChange(change_class, version), SERVICE, in_force, now)
    assert found is not None
    return found


@pytest.mark.parametrize("change_class", CHANGE_CLASSES)
def test_the_verdict_of_the_class_is_chosen(change_class: ChangeClass) -> None:
    verdicts = tuple(verdict("BLOCK" if c == change_class else "ALLOW", c) for c in CHANGE_CLASSES)
    decision = decided("checkout", verdicts=verdicts)
    assert choose(decision, change_class).decision == "BLOCK"
    others = [choose(decision, c).decision for c in CHANGE_CLASSES if c != change_class]
    assert others == ["ALLOW"] * 3


# version asked for, overrides in force, the decision
FITTING: list[tuple[str | None, tuple[int, ...], Decision, int | None]] = [
    (None, (), "BLOCK", None),
    (None, (7,), "WARN", 7),
    (None, (7, 8), "WARN", 7),
    ("1.42.1", (7, 8), "ALLOW", 8),
    ("1.42.1", (8,), "ALLOW", 8),
    ("1.42.1", (7,), "WARN", 7),
    ("1.42.0", (7, 8), "WARN", 7),
    ("1.42.0", (8,), "BLOCK", None),
    ("1.42.1", (9,), "BLOCK", None),
]


@pytest.mark.parametrize(("version", "in_force", "decision", "override_id"), FITTING)
def test_the_first_override_that_fits_and_is_in_force_is_chosen(
    version: str | None,
    in_force: tuple[int, ...],
    decision: Decision,
    override_id: int | None,
) -> None:
    made = decided(
        "checkout",
        "BLOCK",
        verdict("ALLOW", override_id=8, version="1.42.1"),
        verdict("WARN", override_id=7),
    )
    found = choose(made, version=version, in_force=in_force)
    assert (found.decision, found.override_id) == (decision, override_id)
    assert found.allowed is (decision != "BLOCK")


@pytest.mark.parametrize("on_unknown", ["ALLOW", "WARN", "BLOCK"])
@pytest.mark.parametrize(
    ("before", "after"),
    [("ALLOW", "UNKNOWN"), ("WARN", "UNKNOWN"), ("BLOCK", "BLOCK"), ("UNKNOWN", "UNKNOWN")],
)
def test_what_is_too_old_is_unknown_unless_it_blocked(
    before: Decision, after: Decision, on_unknown: Any
) -> None:
    allowed = None if before != "UNKNOWN" else on_unknown != "BLOCK"
    made = decided("checkout", verdicts=(verdict(before, allowed=allowed),), on_unknown=on_unknown)
    fresh = choose(made, now=LATE - timedelta(microseconds=1))
    assert fresh.decision == before
    old = choose(made, now=LATE)
    assert old.decision == after
    assert old.allowed is (after == "UNKNOWN" and on_unknown != "BLOCK")
    [expiry] = [r for r in old.reasons if r.code == "decision_expired"]
    assert (expiry.observed, expiry.threshold) == (30.0, 30.0)
    if before in {"ALLOW", "WARN"}:
        assert old.reasons[0] == expiry
    assert old.decision_id == made.decision_id


def test_what_a_person_decided_does_not_age_with_the_figures() -> None:
    made = decided("checkout", "ALLOW", verdict("ALLOW", override_id=7))
    old = choose(made, in_force=(7,), now=LATE)
    assert (old.decision, old.allowed, old.override_id) == ("ALLOW", True, 7)
    assert old.reasons[-1].code == "decision_expired"
    ended = choose(made, in_force=(), now=LATE)
    assert (ended.decision, ended.allowed, ended.override_id) == ("UNKNOWN", False, None)


def test_the_age_is_that_of_the_counts_or_of_the_service() -> None:
    now = NOW + timedelta(seconds=3)
    assert choose(decided("checkout"), now=now).data_age_seconds == 5.0
    never = choose(decided("checkout", data_at=None), now=now)
    assert never.data_age_seconds == 86_403.0
    ahead = choose(decided("checkout", data_at=now + timedelta(seconds=1)), now=now)
    assert ahead.data_age_seconds == 0.0


def test_a_decision_without_the_class_is_no_answer() -> None:
    partial = decided("checkout", verdicts=(verdict("ALLOW", "fix"),))
    assert release_of(partial, ProposedChange("feature"), SERVICE, (), NOW) is None


@pytest.mark.parametrize(("tier", "allowed"), [(1, False), (2, True), (3, True)])
def test_without_a_decision_it_is_unknown_by_the_default_of_the_tier(
    tier: Any, allowed: Any
) -> None:
    service = replace(SERVICE, tier=tier, created_at=NOW)
    figures = (RiskLevel.OBSERVE, DataStatus.OK)
    found = undecided(service, ProposedChange("fix", "2.0"), DEFAULT, figures, NOW)
    assert (found.decision, found.allowed) == ("UNKNOWN", allowed)
    assert found.risk_level is RiskLevel.OBSERVE
    assert found.decision_id == ""
    assert [r.code for r in found.reasons] == ["no_decision"]
    assert (found.policy_name, found.policy_hash) == ("default", DEFAULT.policy_hash)
