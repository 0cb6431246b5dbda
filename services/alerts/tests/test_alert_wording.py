"""What an alert says: its figure never contradicts the threshold beside it."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain import wording
from common.alerting.rules import Level, Rule, RuleKind
from common.decisions.readings import Inputs, Reading
from tests.support.burn_events import slo_status, snapshot

LEVELS: dict[RuleKind, dict[str, Any]] = {
    "burn_rate": {"long_windows_seconds": (3600,)},
    "risk_level": {"at_least_level": "FREEZE"},
    "budget_left": {"at_most_ratio": 0.1},
    "exhaustion": {"within_hours": 24},
    "constant_burn": {"at_least_burn_rate": 1.0},
}


def said(kind: RuleKind, observed: float, threshold: float) -> str:
    level = Level(severity="page", **LEVELS[kind])
    rule = Rule(name="rule", kind=kind, levels=(level,), channels=("chat",))
    reading = Reading(met=True, cleared=False, observed=observed, threshold=threshold, slo="avail")
    return wording.message(rule, 1, "checkout", reading, Inputs(None))


def figures(text: str) -> tuple[Decimal, Decimal]:
    numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text.replace("(avail", ""))
    first, last = numbers[0], numbers[-1]
    return Decimal(first.replace(",", "")), Decimal(last.replace(",", ""))


@pytest.mark.parametrize(
    ("kind", "observed", "threshold", "figure", "beside"),
    [
        ("burn_rate", 14.41, 14.4, "14.41 times", "threshold 14.4)"),
        ("burn_rate", 1000.0, 14.4, "1,000 times", "threshold 14.4)"),
        ("risk_level", 2.001, 2.0, "rate is 2.001 ", "threshold 2)"),
        ("budget_left", 0.0996, 0.1, "has 9.9% of", "threshold 10%)"),
        ("budget_left", 0.09999999999999998, 0.1, "has 10% of", "threshold 10%)"),
        ("budget_left", 0.0049, 0.005, "has 0.4% of", "threshold 0.5%)"),
        ("exhaustion", 23.96, 24.0, "in 23.96 hours", "threshold 24 hours)"),
        ("constant_burn", 1.004, 1.0, "1.004 times", "threshold 1)"),
    ],
)
def test_a_figure_close_to_its_threshold_has_the_digits_that_tell_them_apart(
    kind: RuleKind, observed: float, threshold: float, figure: str, beside: str
) -> None:
    text = said(kind, observed, threshold)
    assert figure in text
    assert beside in text


def test_what_is_uncertain_is_said_beside_the_figure_that_takes_it_for_slow() -> None:
    slo = slo_status(name="fast", uncertain=900, error_budget_remaining_most=0.25)
    other = slo_status(name="avail")
    inputs = Inputs(snapshot("checkout", slo, other))
    level = Level(severity="page", **LEVELS["risk_level"])
    rule = Rule(name="rule", kind="risk_level", levels=(level,), channels=("chat",))
    uncertain = "; 900 requests may have been fast and count as slow"
    for name, end in (("fast", uncertain), ("avail", ")")):
        reading = Reading(met=True, cleared=False, observed=9.0, threshold=2.0, slo=name)
        text = wording.message(rule, 1, "checkout", reading, inputs)
        assert text.endswith(end)
    found = wording.annotations(rule, "text", "fast", inputs)
    assert found["error_budget_remaining_most"] == "25%"


def test_a_text_says_of_which_moment_and_which_snapshot_it_is() -> None:
    taken = snapshot("checkout", slo_status(name="fast"))
    level = Level(severity="page", **LEVELS["risk_level"])
    rule = Rule(name="rule", kind="risk_level", levels=(level,), channels=("chat",))
    found = wording.annotations(rule, "text", "fast", Inputs(taken))
    assert found["snapshot_id"] == taken.snapshot_id
    assert datetime.fromisoformat(found["figures_at"]) == taken.evaluated_at.replace(microsecond=0)
    assert "figures_at" not in wording.annotations(rule, "text", None, Inputs(None))


@given(
    st.sampled_from(["burn_rate", "risk_level", "exhaustion", "constant_burn", "budget_left"]),
    st.sampled_from([14.4, 6.0, 3.0, 1.0, 2.0, 24.0, 0.1, 0.005, 0.25, 0.7 / 3]),
    st.sampled_from([0, 1e-7, 1e-5, 1e-4, 1e-3, 0.004, 0.3]) | st.floats(1e-7, 20),
)
def test_no_message_contradicts_its_threshold(
    kind: RuleKind, threshold: float, apart: float
) -> None:
    falls = kind in {"exhaustion", "budget_left"}  # less is worse
    observed = threshold * (1 - min(apart, 0.9)) if falls else threshold * (1 + apart)
    if kind == "risk_level":
        threshold, observed = 2.0, 2.0 * (1 + max(apart, 1e-7))
    figure, beside = figures(said(kind, observed, threshold))
    assert (figure > beside) == (observed > threshold)
    assert (figure < beside) == (observed < threshold)
