"""Burn rates, budgets and pairs worked out by hand, for each kind of indicator."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from burnrate.domain.objectives import Target
from burnrate.domain.service_state import Moment
from burnrate.evaluation.figures import worst_rows
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.columns import Counted
from common.events import BurnRateSnapshot, Latency, MetricEvent, SloStatus, TargetChanged
from common.slo.vocabulary import DataStatus, RiskLevel, SliType
from common.slo.windows import HOUR, SHORT_WINDOW_SECONDS, at_least_two_reports
from tests.reference.shard_checks import Counts, evaluate, snapshot_of, target
from tests.reference.streams import START
from tests.reference.sums import delta_of

ERROR_RATE = target("0.98", sli_type=SliType.ERROR_RATE, max_error_ratio=Decimal("0.02"))
LATENCY = target("0.95", sli_type=SliType.LATENCY, threshold_seconds=0.5)

Sums = dict[str, Counts]
HAND_WORKED: list[tuple[Target, Sums, tuple[float, ...], RiskLevel, float]] = [
    (  # 2 / 1000 of 0.001 is 2; 10 / 10 000 is 1; 50 / 100 000 is 0.5
        target("0.999"),
        {"5m": (1000, 2), "1h": (10_000, 10), "24h": (100_000, 50), "slo": (1_000_000, 400)},
        (2.0, 1.0, 0.5, 1.275),
        RiskLevel.OBSERVE,
        0.4,
    ),
    (  # 4 % of the 2 % allowed is 2; 3 % is 1.5; 2 % is 1
        ERROR_RATE,
        {"5m": (200, 8), "1h": (1000, 30), "24h": (10_000, 200), "slo": (100_000, 3000)},
        (2.0, 1.5, 1.0, 1.575),
        RiskLevel.DANGER,
        1.5,
    ),
    (  # 5 of 100 slower than 0.5 s is all that 0.95 allows
        LATENCY,
        {"5m": (100, 5), "1h": (400, 10), "24h": (1000, 100), "slo": (4000, 100)},
        (1.0, 0.5, 2.0, 1.075),
        RiskLevel.OBSERVE,
        0.5,
    ),
    (  # everything fails
        target("0.9995"),
        {"5m": (7, 7), "1h": (7, 7), "24h": (7, 7), "slo": (7, 7)},
        (2000.0, 2000.0, 2000.0, 2000.0),
        RiskLevel.FREEZE,
        2000.0,
    ),
    (  # a quiet five minutes weigh as 0
        target("0.99"),
        {"1h": (100, 3), "24h": (1000, 20), "slo": (10_000, 50)},
        (0.0, 3.0, 2.0, 1.55),
        RiskLevel.DANGER,
        0.5,
    ),
    (target("0.999"), {}, (0.0, 0.0, 0.0, 0.0), RiskLevel.SAFE, 0.0),
]


@pytest.mark.parametrize(("of", "sums", "rates", "level", "consumed"), HAND_WORKED)
def test_hand_worked_figures(
    of: Target, sums: Sums, rates: tuple[float, ...], level: RiskLevel, consumed: float
) -> None:
    found = evaluate(of, sums)
    own = (found.burn_rate_5m, found.burn_rate_1h, found.burn_rate_24h, found.composite_burn_rate)
    assert own == pytest.approx(rates, rel=1e-12)
    assert (found.risk_level, found.risk_capped) == (level, False)
    assert found.error_budget_consumed == pytest.approx(consumed, rel=1e-12)
    assert found.error_budget_remaining == pytest.approx(1 - consumed, rel=1e-12)
    assert (found.total, found.bad) == sums.get("slo", (0, 0))
    for name in ("5m", "1h", "24h"):
        window = found.windows[name]
        assert (window.total, window.bad) == sums.get(name, (0, 0))
    assert found.objective == float(of.objective)
    assert found.threshold_seconds == of.threshold_seconds


def test_a_target_of_the_catalog_is_taken_as_exact_decimals() -> None:
    event = TargetChanged(
        7, 3, "cart", "x", SliType.ERROR_RATE, "0.98", 28, None, "0.02", 5, retired=False
    )
    made = Target.from_event(event)
    assert made.objective == 1 - Decimal("0.02")
    assert (made.id, made.revision, made.window_days, made.min_bad_events) == (3, 7, 28, 5)
    found = evaluate(made, {})
    assert (found.max_error_ratio, found.default, found.revision) == (0.02, False, 7)


@pytest.mark.parametrize(("requests", "coverage"), [(5000, 0.8), (4000, 1.0), (0, 1.0)])
def test_coverage_tells_how_many_requests_a_latency_objective_sees(
    requests: int, coverage: float
) -> None:
    sums = {"slo": (4000 if requests else 0, 0)}
    assert evaluate(LATENCY, sums, requests={"slo": requests}).coverage_ratio == coverage
    assert evaluate(target(), sums).coverage_ratio == 1.0


@pytest.mark.parametrize(
    ("min_bad_events", "bad_24h", "level", "capped"),
    [
        (1, 1, RiskLevel.FREEZE, False),
        (10, 10, RiskLevel.FREEZE, False),
        (10, 9, RiskLevel.OBSERVE, True),
        (2, 1, RiskLevel.OBSERVE, True),
    ],
)
def test_few_bad_events_in_24_hours_cap_the_level_and_say_so(
    *, min_bad_events: int, bad_24h: int, level: RiskLevel, capped: bool
) -> None:
    sums = {"5m": (10, bad_24h), "1h": (10, bad_24h), "24h": (10, bad_24h), "slo": (99, 99)}
    found = evaluate(target(min_bad_events=min_bad_events), sums)
    assert (found.risk_level, found.risk_capped) == (level, capped)


@pytest.mark.parametrize("bad", [0, 10])
def test_a_mild_level_is_not_called_capped(bad: int) -> None:
    sums = dict.fromkeys(("5m", "1h", "24h"), (10_000, bad))
    found = evaluate(target(min_bad_events=1000), sums)
    assert found.risk_level is (RiskLevel.OBSERVE if bad else RiskLevel.SAFE)
    assert not found.risk_capped


def test_burn_pairs_carry_the_lesser_of_their_two_rates() -> None:
    sums = {
        "5m": (1000, 30), "1h": (10_000, 200),  # 30 and 20
        "30m": (1000, 2), "6h": (10_000, 70),  # 2 and 7
        "2h": (1000, 4), "24h": (10_000, 40),  # 4 and 4
        "3d": (10_000, 5),  # 0.5, beside 7 of the 6 h
    }  # fmt: skip
    found = evaluate(target("0.999"), sums).burn_pairs
    assert [(p.long_seconds, p.short_seconds, p.threshold) for p in found] == [
        (3600, 300, 14.4),
        (21_600, 1800, 6.0),
        (86_400, 7200, 3.0),
        (259_200, 21_600, 1.0),
    ]
    assert [p.burn_rate for p in found] == pytest.approx([20.0, 2.0, 4.0, 0.5], rel=1e-12)
    assert [p.bad for p in found] == [200, 70, 40, 5]  # of the long windows


@pytest.mark.parametrize(
    ("objective", "days", "thresholds"),
    [
        ("0.9", 30, [6.0, 3.0, 1.0]),  # total failure burns at 10, below 14.4
        ("0.5", 30, [1.0]),  # at 2
        ("0.999", 7, [3.36, 1.4, 0.7, 0.7 / 3]),
        ("0.999", 90, [43.2, 18.0, 9.0, 3.0]),
    ],
)
def test_pairs_follow_the_slo_window_and_leave_out_what_cannot_be_reached(
    objective: str, days: int, thresholds: list[float]
) -> None:
    found = evaluate(target(objective, window_days=days), {})
    assert [p.threshold for p in found.burn_pairs] == pytest.approx(thresholds)


@pytest.mark.parametrize(
    "others",
    [[("b", 1.9, 9.0)], [("b", 2.0, 0.1)], [("a", 2.0, 0.5)], [("b", 0.0, 0.0), ("c", 1.0, 99.0)]],
)
def test_the_worst_objective_has_the_highest_composite(
    others: list[tuple[str, float, float]],
) -> None:
    """Then the budget that is spent furthest, then the name, so that it does not flicker."""
    rows = [("m", 2.0, 0.5), *others]
    for order in (rows, rows[::-1]):
        names = sorted(name for name, _, _ in order)
        found = worst_rows(
            np.array([7] * len(order)),
            np.array([3 if composite > 0 else 0 for _, composite, _ in order]),
            np.array([composite for _, composite, _ in order]),
            np.array([consumed for _, _, consumed in order]),
            np.array([names.index(name) for name, _, _ in order]),
        )
        assert [order[row][0] for row in found] == ["m"]


def snapshot(state: ShardState, targets: list[Target]) -> BurnRateSnapshot:
    moment = Moment(START, 0, 1, START, lagging=False)
    return snapshot_of(state, "cart", targets, moment)


def test_a_level_that_counts_is_worse_than_a_higher_burn_rate_that_is_capped() -> None:
    same, level, composite = np.zeros(2, np.int64), np.array([1, 3]), np.array([50.0, 5.0])
    assert worst_rows(same, level, composite, np.zeros(2), same).tolist() == [1]


def test_a_service_speaks_with_its_worst_objective_by_each_measure_and_shows_all() -> None:
    state = ShardState(START)
    state.load_slow_counts("cart", 0.25, [])
    timed = Latency((0.1, 0.25), (50, 30, 20))
    coarse = Latency((0.1, 1.0), (90, 9, 1))
    events = [
        MetricEvent("cart", START, total=100, bad=0, latency=timed),
        MetricEvent("cart", START - timedelta(minutes=30), total=300, bad=3, latency=timed_by(300)),
        MetricEvent("cart", START - timedelta(days=2), total=100, bad=2, latency=coarse),
    ]
    state.apply(delta_of(Counted(e, START) for e in events), START)
    slow = target("0.9", id=2, name="slow", sli_type=SliType.LATENCY, threshold_seconds=0.25)
    found = snapshot(state, [target("0.99"), slow])
    available, latency = found.slos
    # 0 / 100; 3 / 400; 3 / 400 of 0.01: 0, 0.75, 0.75
    assert available.composite_burn_rate == pytest.approx(0.35 * 0.75 + 0.25 * 0.75)
    assert (available.total, available.bad) == (500, 5)
    assert available.error_budget_consumed == pytest.approx(1.0)
    # 20 / 100; 20 / 400; 20 / 400 of 0.1: 2, 0.5, 0.5
    assert latency.composite_burn_rate == pytest.approx(0.8 + 0.35 * 0.5 + 0.25 * 0.5)
    # two days ago 9 of 100 took 0.1 to 1 s, and one took longer
    assert (latency.total, latency.bad, latency.uncertain) == (500, 30, 9)
    assert latency.coverage_ratio == pytest.approx(491 / 500 * 2 / 720)
    assert latency.windows["24h"].coverage_ratio == 1.0
    assert found.composite_burn_rate == latency.composite_burn_rate
    assert found.risk_level is latency.risk_level is RiskLevel.OBSERVE
    assert found.error_budget_consumed == max(1.0, latency.error_budget_consumed)
    assert found.data_status is DataStatus.OK
    flipped = snapshot(state, [replace(slow, objective=Decimal("0.5")), target("0.99")])
    assert flipped.error_budget_consumed == pytest.approx(1.0)


def timed_by(total: int) -> Latency:
    """Return a histogram of other bounds, all within 0.25 s, one of them at it."""
    return Latency((0.25, 5.0, 9.0), (total, 0, 0, 0))


def test_the_default_target_is_marked_and_has_no_id() -> None:
    found = evaluate(Target.default(Decimal("0.999"), 30), {"slo": (1000, 1)})
    assert (found.id, found.name, found.default) == (None, "default", True)
    assert (found.objective, found.window_days) == (0.999, 30)
    assert found.sli_type is SliType.AVAILABILITY
    assert found.error_budget_consumed == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("resolution", "short", "hour"),
    [(10, 300, 3600), (150, 300, 3600), (151, 302, 3600), (3600, 7200, 7200)],
)
def test_no_window_is_shorter_than_two_reports(resolution: int, short: int, hour: int) -> None:
    assert at_least_two_reports(SHORT_WINDOW_SECONDS, resolution) == short
    windows = evaluate(target(), {}, resolution=resolution).windows
    lengths = {name: window.window_seconds for name, window in windows.items()}
    assert lengths == {"5m": short, "1h": hour, "24h": 86_400}


FAST = {"sli_type": SliType.LATENCY, "threshold_seconds": 0.25}


def reported(*histograms: Latency, counted: int = 0) -> SloStatus:
    """Return the objective 0.99 within 0.25 s of a service that has just sent these reports."""
    state = ShardState(START)
    state.load_slow_counts("cart", 0.25, [])
    events = [MetricEvent("cart", START, sum(h.counts), bad=0, latency=h) for h in histograms]
    events += [MetricEvent("cart", START, counted, bad=0)] if counted else []
    state.apply(delta_of(Counted(event, START) for event in events), START)
    return snapshot(state, [target("0.99", **FAST)]).slos[0]


def test_slow_requests_in_buckets_of_other_bounds_are_bad() -> None:
    found = reported(Latency((0.25, 1.0), (9000, 0, 0)), Latency((0.5, 5.0), (0, 0, 1000)))
    assert (found.total, found.bad, found.uncertain) == (10_000, 1000, 0)
    assert found.risk_level is RiskLevel.FREEZE
    assert (found.composite_burn_rate_least, found.error_budget_remaining_most) == (None, None)
    assert [window.coverage_ratio for window in found.windows.values()] == [1.0] * 3
    assert {pair.burn_rate_least for pair in found.burn_pairs} == {None}


def test_requests_in_a_bucket_that_straddles_the_threshold_are_bad_and_shown_as_a_range() -> None:
    found = reported(Latency((0.25, 1.0), (9000, 0, 0)), Latency((0.1, 0.5, 5.0), (0, 900, 100, 0)))
    short = found.windows["5m"]
    assert (short.total, short.bad, short.uncertain) == (10_000, 1000, 900)
    assert short.coverage_ratio == 0.91
    assert found.risk_level is RiskLevel.FREEZE
    assert found.composite_burn_rate == pytest.approx(10)
    assert found.composite_burn_rate_least == pytest.approx(1)
    assert found.error_budget_remaining == pytest.approx(-9)
    assert found.error_budget_remaining_most == pytest.approx(0)
    for pair in found.burn_pairs:
        assert (pair.burn_rate, pair.burn_rate_least) == pytest.approx((10, 1))


def test_requests_without_a_histogram_are_not_covered() -> None:
    found = reported(Latency((0.25, 1.0), (9000, 0, 0)), counted=1000)
    assert (found.total, found.bad, found.uncertain) == (9000, 0, 0)
    assert found.windows["5m"].coverage_ratio == 0.9


def test_the_range_of_an_hourly_reporter_is_of_windows_that_hold_two_reports() -> None:
    state = ShardState(START)
    state.load_slow_counts("cart", 0.25, [])
    straddling = Latency((0.1, 0.5), (90, 10, 0))
    events = [
        MetricEvent("cart", at, total=100, bad=0, window_seconds=HOUR, latency=straddling)
        for at in (START, START - timedelta(hours=1))
    ]
    state.apply(delta_of(Counted(event, START) for event in events), START)
    windows = snapshot(state, [target("0.99", **FAST)]).slos[0].windows
    for window in windows.values():
        assert (window.total, window.uncertain, window.coverage_ratio) == (200, 20, 0.9)
