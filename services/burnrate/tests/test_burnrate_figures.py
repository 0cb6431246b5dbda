"""Figures of many objectives at once equal the scalar formulas, to the last bit."""

from decimal import Decimal

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burnrate.evaluation.figures import (
    COVERED,
    LEVELS,
    NAMES,
    SLO,
    Allowed,
    Counts,
    evaluate,
    worst_rows,
)
from burnrate.windows.engine import ROW_OF, WINDOW_SECONDS
from common.counts.layout import SUM_LIMIT
from common.slo.arithmetic import (
    allowed_ratio,
    burn_rate,
    composite_burn_rate,
    error_budget_consumed,
)
from common.slo.risk import cap_risk_level, level_at, settled_composite
from common.slo.vocabulary import WINDOW_DAYS, RiskLevel
from common.slo.windows import BURN_PAIRS, BURN_WINDOWS, PAIR_WINDOWS
from tests.support.servers.effort import examples

WINDOW_OF = {300: "5m", 1800: "30m", 3600: "1h", 7200: "2h", 21_600: "6h", 86_400: "24h"}
Row = list[tuple[int, int]]  # (total, bad) by NAMES

limits = st.one_of(st.integers(0, 40), st.integers(0, 10**7), st.sampled_from((SUM_LIMIT, 10**15)))
pairs = st.tuples(limits, limits).map(lambda two: (max(two), min(two)))
ratios = st.sampled_from((1, 2, 3, 4)).map(lambda n: (2000, n))  # on boundaries of 0.999
rows = st.one_of(
    st.lists(pairs, min_size=8, max_size=8),
    st.lists(ratios, min_size=8, max_size=8),
)
objectives = st.sampled_from(("0.5", "0.9", "0.95", "0.999", "0.9995", "0.99999")).map(Decimal)
ON_A_BOUNDARY = [(10_000, 10), (10_000, 30), (10_000, 22), *[(0, 0)] * 5]


def terms(objectives: list[Decimal]) -> Allowed:
    """Return what the objectives allow, as arrays of numerators and denominators."""
    pairs = [allowed_ratio(objective).as_integer_ratio() for objective in objectives]
    above, below = np.array(pairs, np.float64).T
    return above, below


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(rows, objectives, st.integers(0, 60), limits), min_size=1, max_size=8))
@example([(ON_A_BOUNDARY, Decimal("0.999"), 1, 0)])
def test_each_figure_equals_the_scalar_one(
    given_rows: list[tuple[Row, Decimal, int, int]],
) -> None:
    counts = np.array([row for row, *_ in given_rows], np.int64).transpose(1, 2, 0)
    requests = np.array(
        [[min(row[at][0] + more, SUM_LIMIT) for row, _, _, more in given_rows] for at in COVERED]
    )
    exact = [objective for _, objective, _, _ in given_rows]
    allowed = terms(exact)
    least = np.array([minimum for _, _, minimum, _ in given_rows])
    partial = np.flatnonzero([more for *_, more in given_rows])
    of = Counts(counts, partial, requests[:, partial], counts[:, 1, partial] // 2)
    reported = np.full(len(exact), 0.5)
    found = evaluate(of, reported, allowed, least, exact.__getitem__)
    for i, (row, objective, minimum, more) in enumerate(given_rows):
        rates = [burn_rate(bad, total, objective) for total, bad in row]
        assert found.rates[:, i].tolist() == rates
        burn = [(bad, total) for total, bad in row[:3]]
        settled = settled_composite(composite_burn_rate(rates[:3]), burn, objective)
        assert found.composite[i] == float(settled)
        level = level_at(settled)
        shown = cap_risk_level(level, row[2][1], minimum)
        assert LEVELS[found.levels[i]] is shown
        assert bool(found.capped[i]) == (shown is not level)
        total, bad = row[7]
        assert found.rates[SLO][i] == error_budget_consumed(bad, total, objective)
        for place, at in enumerate(COVERED):
            uncertain = row[at][1] // 2 if more else 0
            seen, asked = row[at][0] - uncertain, min(row[at][0] + more, SUM_LIMIT)
            share = seen / asked if asked else 1.0
            assert found.coverage[place, i] == (share / 2 if at == SLO else share)
        named = dict(zip(NAMES, rates, strict=True))
        short = {**WINDOW_OF, 259_200: "3d"}
        lesser = [min(named[short[a]], named[short[b]]) for a, b in BURN_PAIRS]
        assert found.pairs[:, i].tolist() == lesser


def test_a_composite_on_the_boundary_is_decided_in_fractions() -> None:
    """In floats 0.4 x 1 + 0.35 x 3 + 0.25 x 2.2 of 0.999 may be more than 2."""
    counts = np.array(ON_A_BOUNDARY).reshape(8, 2, 1)
    allowed, none = terms([Decimal("0.999")]), np.zeros(1, np.int64)
    no_rows = np.zeros((8, 0), np.int64)
    of = Counts(counts, none[:0], no_rows[:4], no_rows)
    found = evaluate(of, np.ones(1), allowed, none, lambda _: Decimal("0.999"))
    assert LEVELS[found.levels[0]] is RiskLevel.DANGER
    assert found.composite[0] == 2


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 3),
            st.sampled_from((0.0, 1.5, 2.0)),
            st.sampled_from((0.0, 0.7)),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_the_worst_rows_are_those_of_a_maximum(
    drawn: list[tuple[int, int, float, float]],
) -> None:
    rank = list(range(len(drawn)))
    service, level, composite, consumed = (np.array(c) for c in zip(*drawn, strict=True))
    found = worst_rows(service, level, composite, consumed, np.array(rank)).tolist()
    expected = {
        max((i for i in rank if drawn[i][0] == own), key=lambda i: (drawn[i][1:], i))
        for own in {own for own, *_ in drawn}
    }
    assert len(found) == len(expected)
    assert set(found) == expected


def test_the_windows_of_every_objective_stand_first_in_the_sums() -> None:
    """In the order of an objective's counts, which are taken from them as they stand."""
    lengths = {**BURN_WINDOWS, **PAIR_WINDOWS}
    assert WINDOW_SECONDS[: len(lengths)] == tuple(lengths[name] for name in NAMES[: len(lengths)])
    assert [ROW_OF[days * 86_400] for days in WINDOW_DAYS] == [7, 8, 9, 10, 11]
