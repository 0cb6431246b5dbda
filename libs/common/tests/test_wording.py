"""Figures in words: the table that the dashboard holds to as well, and what no figure may do."""

import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.slo import wording
from common.slo.risk import RISK_BOUNDARIES, level_at, risk_level
from common.slo.vocabulary import RiskLevel

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "figures.json").read_text()
)
ratios = st.floats(-100, 100) | st.sampled_from([0.1, 0.25, 0.005, 1.0, 0.0])
rates = st.floats(0, 2000) | st.sampled_from([1.0, 1.5, 2.0, 14.4, 6.0])


def near(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    """Pairs of figure and threshold, many of them a hair apart."""
    apart = st.sampled_from([0.0, 1e-17, 1e-15, 1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.04, 0.4])
    sign = st.sampled_from([-1, 1])
    close = st.builds(lambda t, d, s: (t * (1 + s * d), t), values, apart, sign)
    return close | st.tuples(values, values)


def read(text: str) -> Decimal:
    found = re.fullmatch(r"(-?[0-9,]+(?:\.[0-9]+)?)%?", text)
    assert found, text
    return Decimal(found[1].replace(",", ""))


def side(value: Decimal, threshold: Decimal) -> int:
    return (value > threshold) - (value < threshold)


def exact(value: float) -> Decimal:
    return Decimal(repr(value))


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=lambda c: f"{kind} {c['value']}")


@cases("burn_rate")
def test_a_burn_rate_reads_as_the_table_says(case: dict[str, Any]) -> None:
    assert wording.burn_rate(case["value"]).replace(",", "") == case["text"]


@cases("burn_rate_at_level")
def test_a_burn_rate_beside_its_level_reads_as_the_table_says(case: dict[str, Any]) -> None:
    assert wording.burn_rate(case["value"], level=RiskLevel(case["level"])) == case["text"]


@cases("left")
def test_what_is_left_reads_as_the_table_says(case: dict[str, Any]) -> None:
    assert wording.left(case["value"]) == case["text"] + "%"


@cases("spent")
def test_what_is_spent_reads_as_the_table_says(case: dict[str, Any]) -> None:
    assert wording.spent(case["value"]) == case["text"] + "%"


@cases("objective")
def test_a_share_that_was_set_reads_as_the_table_says(case: dict[str, Any]) -> None:
    assert wording.objective(case["value"]) == case["text"] + "%"


@cases("count")
def test_a_count_reads_as_the_table_says(case: dict[str, Any]) -> None:
    assert wording.counted(case["value"], "event").split()[0].replace(",", "") == case["text"]


@cases("compared")
def test_a_figure_beside_a_threshold_reads_as_the_table_says(case: dict[str, Any]) -> None:
    value, threshold = wording.compared(case["value"], case["threshold"])
    assert (value.replace(",", ""), threshold) == (case["text"], case["beside"])


@given(near(rates))
def test_a_figure_and_its_threshold_never_contradict_what_was_compared(
    pair: tuple[float, float],
) -> None:
    value, threshold = pair
    shown, beside = wording.compared(value, threshold)
    assert side(read(shown), read(beside)) == side(exact(value), exact(threshold))


@given(near(ratios))
def test_a_share_keeps_to_its_side_of_a_threshold_and_of_none_and_all(
    pair: tuple[float, float],
) -> None:
    ratio, threshold = pair
    for shown in (wording.left(ratio, [threshold]), wording.spent(ratio, [threshold])):
        for beside in (threshold, 0.0, 1.0):
            mark = read(wording.objective(beside))
            assert side(read(shown), mark) == side(exact(ratio), exact(beside))


@given(ratios)
def test_less_is_never_spent_and_more_never_left_than_is(ratio: float) -> None:
    noise = Decimal("1e-9")
    assert read(wording.left(ratio)) <= 100 * exact(ratio) + noise
    assert read(wording.spent(ratio)) >= 100 * exact(ratio) - noise


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_lengths_of_time_that_are_compared_keep_their_order(seconds: int, limit: int) -> None:
    units = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
    (length, unit), (held, of) = (t.split() for t in wording.lasting(seconds + 0.004, limit))
    shown, beside = (Fraction(read(n)) * units[u] for n, u in ((length, unit), (held, of)))
    assert beside == limit
    assert (shown > beside) == (seconds + 0.004 > limit)


@given(rates)
@example(2.0000000000000004)
def test_a_burn_rate_as_it_is_printed_has_the_level_that_it_has(rate: float) -> None:
    assert level_at(Fraction(read(wording.burn_rate(rate)))) is level_at(Fraction(exact(rate)))


@given(
    st.tuples(*[st.tuples(st.integers(0, 3000), st.integers(3000, 10**6))] * 3),
    st.sampled_from(["0.9", "0.99", "0.999", "0.9995"]),
)
@example(((2, 1000), (2, 1000), (2, 1000)), "0.999")
@example(((15, 10_000), (15, 10_000), (15, 10_000)), "0.999")
def test_a_composite_as_it_is_printed_has_the_level_that_was_found_exactly(
    counts: tuple[tuple[int, int], ...], objective: str
) -> None:
    weights = (0.40, 0.35, 0.25)
    allowed = float(1 - Decimal(objective))
    rates = [bad / total / allowed for bad, total in counts]
    composite = sum(w * rate for w, rate in zip(weights, rates, strict=True))
    level = risk_level(composite, counts, Decimal(objective))
    assert level_at(Fraction(read(wording.burn_rate(composite, level=level)))) is level


@pytest.mark.parametrize("boundary", RISK_BOUNDARIES.values())
@pytest.mark.parametrize("level", RiskLevel)
def test_noise_at_a_boundary_never_contradicts_the_level(boundary: float, level: RiskLevel) -> None:
    hair = Fraction(1, 10**6)
    if level not in {level_at(Fraction(boundary) + d) for d in (-hair, 0, hair)}:
        return  # no level of a figure this close
    for noise in (-4e-16, 0.0, 4e-16):
        assert level_at(Fraction(read(wording.burn_rate(boundary + noise, level=level)))) is level


@pytest.mark.parametrize(
    ("seconds", "reported", "text"),
    [
        (21_600, None, "6 hours"),
        (21_600, 21_600, "6 hours"),
        (259_200, 93_600, "the 26 hours reported of the last 72 hours"),
        (86_400, 3600, "the 1 hour reported of the last 24 hours"),
    ],
)
def test_a_window_is_not_longer_than_what_was_reported(
    seconds: int, reported: int | None, text: str
) -> None:
    assert wording.reported_window(seconds, reported) == text
