"""Policy documents: what is taken, what is refused and how, and what a hash stands for."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.policy.document import InvalidPolicyError, parse_policy
from common.policy.files import (
    DEFAULT_POLICY_FILE,
    PolicyFileError,
    PolicySettings,
    read_policies,
)
from common.policy.model import CHANGE_CLASSES, LEVELS, SEVERITY_ORDER, Policy

NAMED = {"name": "payments", "applies_to": {"services": ["checkout"]}}


def faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPolicyError) as caught:
        parse_policy(document)
    return [(fault.field, fault.code) for fault in caught.value.faults]


def test_the_file_of_the_default_says_what_a_document_leaves_out() -> None:
    [default] = read_policies([])
    short = {"name": "default", "description": default.description}
    assert parse_policy(short) == default
    assert yaml.safe_load(DEFAULT_POLICY_FILE.read_text()).keys() == default.document.keys()


def test_the_documented_default_decides_as_documented() -> None:
    [default] = read_policies([])
    for change in CHANGE_CLASSES:
        by_level = [default.risk[level][change] for level in LEVELS]
        at_freeze = "WARN" if change == "rollback" else "BLOCK"
        assert by_level == ["ALLOW", "ALLOW", "WARN", at_freeze]
    assert default.budget_exhausted == {
        "feature": "BLOCK",
        "fix": "ALLOW",
        "security": "ALLOW",
        "rollback": "WARN",
    }
    assert [default.unknown_as(1), default.unknown_as(2), default.unknown_as(3)] == [
        "BLOCK",
        "WARN",
        "WARN",
    ]
    assert default.hysteresis.burn_rate_below is None
    assert default.hysteresis.budget_remaining_above is None
    assert default.hysteresis.min_block_minutes == 0


def test_one_decision_stands_for_every_class_and_a_class_for_itself() -> None:
    policy = parse_policy({**NAMED, "risk": {"DANGER": "BLOCK", "FREEZE": {"fix": "BLOCK"}}})
    assert set(policy.risk["DANGER"].values()) == {"BLOCK"}
    assert set(policy.risk["FREEZE"].values()) == {"BLOCK"}
    above = parse_policy({**NAMED, "risk": {"DANGER": "BLOCK"}})
    assert set(above.risk["FREEZE"].values()) == {"BLOCK"}
    stated = parse_policy({**NAMED, "risk": {"FREEZE": "BLOCK"}})
    assert set(stated.risk["FREEZE"].values()) == {"BLOCK"}
    one = parse_policy({**NAMED, "risk": {"DANGER": {"feature": "BLOCK"}}})
    assert one.risk["DANGER"] == {
        "feature": "BLOCK",
        "fix": "WARN",
        "security": "WARN",
        "rollback": "WARN",
    }


REFUSED: list[tuple[Any, str, str]] = [
    (["name"], "body", "not_an_object"),
    (None, "body", "not_an_object"),
    ({**NAMED, "name": "Big Name"}, "name", "string_pattern_mismatch"),
    ({"applies_to": {"tiers": [1]}}, "name", "missing"),
    ({**NAMED, "colour": "red"}, "colour", "extra_forbidden"),
    ({**NAMED, "risk": {"PANIC": "BLOCK"}}, "risk.PANIC", "literal_error"),
    ({**NAMED, "risk": {"FREEZE": "STOP"}}, "risk.FREEZE.feature", "literal_error"),
    ({**NAMED, "risk": {"FREEZE": {"hotfix": "BLOCK"}}}, "risk.FREEZE.hotfix", "literal_error"),
    ({**NAMED, "risk": {"FREEZE": {"fix": "ALLOW"}}}, "risk.FREEZE.fix", "milder_when_graver"),
    ({**NAMED, "risk": "BLOCK"}, "risk", "dict_type"),
    ({**NAMED, "budget_exhausted": {"feature": 1}}, "budget_exhausted.feature", "literal_error"),
    ({**NAMED, "on_unknown": {4: "BLOCK"}}, "on_unknown.4", "literal_error"),
    ({**NAMED, "on_unknown": {1: "UNKNOWN"}}, "on_unknown.1", "literal_error"),
    ({**NAMED, "no_traffic": "ALLOW"}, "no_traffic", "literal_error"),
    ({**NAMED, "conditions": {"burn_pair": "yes"}}, "conditions.burn_pair", "bool_type"),
    (
        {**NAMED, "conditions": {"min_bad_events": -1}},
        "conditions.min_bad_events",
        "greater_than_equal",
    ),
    (
        {**NAMED, "hysteresis": {"burn_rate_below": float("nan")}},
        "hysteresis.burn_rate_below",
        "finite_number",
    ),
    (
        {**NAMED, "hysteresis": {"min_block_minutes": 1441}},
        "hysteresis.min_block_minutes",
        "less_than_equal",
    ),
    (
        {**NAMED, "forecast": {"warn_within_hours": 0}},
        "forecast.warn_within_hours",
        "greater_than",
    ),
    ({**NAMED, "overrides": {"max_hours": 25}}, "overrides.max_hours", "less_than_equal"),
    (
        {**NAMED, "overrides": {"second_approver_tiers": [0]}},
        "overrides.second_approver_tiers[0]",
        "literal_error",
    ),
    (
        {"name": "x", "applies_to": {"services": ["Cart!"]}},
        "applies_to.services[0]",
        "string_pattern_mismatch",
    ),
    ({"name": "x", "applies_to": {"services": ["a", "a"]}}, "applies_to.services", "repeated"),
    ({"name": "x"}, "applies_to", "applies_to_nothing"),
    ({"name": "default", "applies_to": {"tiers": [1]}}, "applies_to", "default_applies_to_all"),
]


@pytest.mark.parametrize(("document", "field", "code"), REFUSED)
def test_a_fault_names_its_field(document: Any, field: str, code: str) -> None:
    assert (field, code) in faults(document)


def test_all_faults_are_told_at_once_each_with_its_cure() -> None:
    with pytest.raises(InvalidPolicyError) as caught:
        parse_policy({**NAMED, "risk": {"DANGER": "NO"}, "colour": "red"})
    cure = "is not a field of a policy; leave it out or mend its spelling"
    faults = [(fault.field, fault.code, fault.detail) for fault in caught.value.faults]
    assert ("colour", "extra_forbidden", cure) in faults
    text = str(caught.value)
    assert "risk.DANGER.feature: input should be 'ALLOW', 'WARN' or 'BLOCK'" in text


def test_the_hash_is_of_the_meaning_not_of_the_spelling() -> None:
    short = parse_policy(NAMED)
    spelled = parse_policy(dict(reversed(list(short.document.items()))))
    assert spelled.policy_hash == short.policy_hash
    assert Policy.model_validate_json(json.dumps(short.document)) == short
    other = parse_policy({**NAMED, "risk": {"DANGER": "BLOCK"}})
    assert other.policy_hash != short.policy_hash


DECISIONS = st.sampled_from(["ALLOW", "WARN", "BLOCK"])


@given(st.lists(DECISIONS, min_size=4, max_size=4))
def test_what_is_taken_is_never_milder_where_risk_is_graver(decisions: list[str]) -> None:
    document = {**NAMED, "risk": dict(zip(LEVELS, decisions, strict=True))}
    gravity = [SEVERITY_ORDER[decision] for decision in decisions]
    if gravity == sorted(gravity):
        assert parse_policy(document).risk["FREEZE"]["fix"] == decisions[-1]
    else:
        assert {code for _, code in faults(document)} == {"milder_when_graver"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nothing_else_is_raised_whatever_comes(document: Any) -> None:
    with pytest.raises(InvalidPolicyError):
        parse_policy(document)


def test_files_are_named_by_a_setting_and_a_later_one_stands_in(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.json"
    first.write_text("name: tier-one\napplies_to: {tiers: [1]}\nrisk: {DANGER: BLOCK}\n")
    second.write_text(json.dumps({"name": "default", "risk": {"OBSERVE": "WARN"}}))
    settings = PolicySettings(files=f"{first}, {second},")
    policies = read_policies(settings.files)
    assert [policy.name for policy in policies] == ["default", "tier-one", "default"]
    assert policies[-1].risk["OBSERVE"]["feature"] == "WARN"


@pytest.mark.parametrize("text", ["name: [", "name: x", "\xff", "a: &a [*a]"])
def test_a_bad_file_is_named_with_its_fault(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(PolicyFileError, match=r"bad\.yaml: "):
        read_policies([file])
    with pytest.raises(PolicyFileError, match=r"gone\.yaml: "):
        read_policies([tmp_path / "gone.yaml"])


def test_a_policy_names_the_tiers_that_need_a_second_person() -> None:
    policy = parse_policy({**NAMED, "overrides": {"second_approver_tiers": [1]}})
    assert [policy.needs_approver(1), policy.needs_approver(2)] == [True, False]
    assert not parse_policy(NAMED).needs_approver(1)
