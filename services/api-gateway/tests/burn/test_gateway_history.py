"""Histories equal brute force over the same buckets, for random ones."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.burn.history import Counts, Kept, Objective, Reports, burn_history
from api_gateway.burn.steps import minutes_from
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY, HOUR, MINUTE

NOW = 1_772_452_830
FLOOR = minutes_from(NOW)
KEPT = Kept(FLOOR, NOW)


@dataclass(frozen=True)
class Bucket:
    end: int
    total: int
    bad: int
    window_seconds: int


@st.composite
def buckets(draw: st.DrawFn) -> list[Bucket]:
    """A few hours of hour rows before FLOOR and of minute rows after it, with gaps."""
    hours = draw(st.sets(st.integers(-40 * 24, 0), max_size=12))
    minutes = draw(st.sets(st.integers(1, 47 * 60), max_size=40))
    ends = sorted({FLOOR + h * HOUR for h in hours} | {FLOOR + m * MINUTE for m in minutes})
    rows = []
    for end in ends:
        total = draw(st.integers(0, 1000))
        bad = draw(st.integers(0, total))
        rows.append(Bucket(end, total, bad, draw(st.sampled_from([10, 60, 300, 900, 3600]))))
    return rows


objectives = st.builds(
    Objective,
    st.sampled_from([Decimal("0.5"), Decimal("0.9"), Decimal("0.999"), Decimal("0.99999")]),
    st.sampled_from([7, 30, 90]),
    st.integers(0, 50),
)
hours = st.integers(-30 * 24, 0).map(lambda n: FLOOR + n * HOUR)
minutes = st.integers(0, (NOW - FLOOR) // MINUTE).map(lambda n: FLOOR + n * MINUTE)
instants = st.lists(hours | minutes, min_size=1, max_size=20, unique=True)
"""Where points may be: at full hours where only hours are kept, then at full minutes."""


def begin_of(at: int, window: int) -> int:
    """Return where a window begins; at an hour where only hours are kept there."""
    length = 10 if window <= HOUR else MINUTE if window <= DAY else HOUR
    begin = -(-at // length) * length - -(-window // length) * length
    return begin if begin >= FLOOR else -(-at // HOUR) * HOUR - -(-window // HOUR) * HOUR


def sums(rows: list[Bucket], at: int, window: int) -> tuple[int, int]:
    inside = [row for row in rows if begin_of(at, window) < row.end <= at]
    return sum(row.bad for row in inside), sum(row.total for row in inside)


def resolution_at(rows: list[Bucket], at: int) -> int:
    past = [row for row in rows if row.end <= at]
    newest = max((row.end for row in past), default=0)
    if newest <= at - 48 * HOUR:
        return 10
    lengths = sorted(row.window_seconds for row in past if row.end > newest - 3 * HOUR)
    return lengths[len(lengths) // 2]


def level_of(composite: Fraction) -> RiskLevel:
    if composite > 2:
        return RiskLevel.FREEZE
    if composite >= Fraction(3, 2):
        return RiskLevel.DANGER
    return RiskLevel.OBSERVE if composite >= 1 else RiskLevel.SAFE


def reports_of(rows: list[Bucket]) -> Reports:
    return Reports(
        np.array([r.end for r in rows], dtype=np.int64),
        np.array([r.window_seconds for r in rows], dtype=np.int64),
    )


def counts_of(rows: list[Bucket]) -> Counts:
    columns = ([r.end for r in rows], [r.total for r in rows], [r.bad for r in rows])
    return Counts(*(np.array(column, dtype=np.int64) for column in columns))


@given(buckets(), instants, objectives)
def test_history_equals_brute_force(
    rows: list[Bucket], times: list[int], objective: Objective
) -> None:
    times = sorted(times)
    points = burn_history(
        np.array(times, dtype=np.int64), reports_of(rows), counts_of(rows), objective, KEPT
    )
    assert [point.at for point in points] == times
    allowed = 1 - Fraction(objective.objective)
    for at, point in zip(times, points, strict=True):
        short = max(300, 2 * resolution_at(rows, at))
        if at - short < FLOOR:
            short = max(short, HOUR)
            assert "5m" in point.coarse_windows or short > HOUR or at - HOUR >= FLOOR
        assert point.short_window_seconds == short
        pairs = [sums(rows, at, max(length, short)) for length in (300, HOUR, DAY)]
        rates = [Fraction(bad, total) / allowed if total else Fraction(0) for bad, total in pairs]
        composite = rates[0] * 2 / 5 + rates[1] * 7 / 20 + rates[2] / 4
        got = (point.burn_rate_5m, point.burn_rate_1h, point.burn_rate_24h)
        assert got == pytest.approx([float(rate) for rate in rates])
        assert point.composite_burn_rate == pytest.approx(float(composite))
        bad, total = sums(rows, at, max(objective.window_days * DAY, short))
        consumed = Fraction(bad, total) / allowed if total else Fraction(0)
        assert point.error_budget_consumed == pytest.approx(float(consumed))
        assert point.error_budget_remaining == pytest.approx(float(1 - consumed))
        level = level_of(composite)
        thin = pairs[2][0] < objective.min_bad_events
        capped = thin and level in {RiskLevel.DANGER, RiskLevel.FREEZE}
        assert (point.risk_level, point.risk_capped) == (
            RiskLevel.OBSERVE if capped else level,
            capped,
        )


@given(buckets(), instants)
def test_a_point_knows_only_what_had_been_reported(rows: list[Bucket], times: list[int]) -> None:
    objective = Objective(Decimal("0.999"), 30, 1)
    at = np.array(sorted(times), dtype=np.int64)
    whole = burn_history(at, reports_of(rows), counts_of(rows), objective, KEPT)
    for instant, point in zip(at.tolist(), whole, strict=True):
        past = [row for row in rows if row.end <= instant]
        (alone,) = burn_history(
            np.array([instant]), reports_of(past), counts_of(past), objective, KEPT
        )
        assert alone == point
        if not past:
            assert point.data_status is DataStatus.NO_DATA


@pytest.mark.parametrize(
    ("after_seconds", "total", "status"),
    [
        (0, 5, DataStatus.OK),
        (0, 0, DataStatus.NO_TRAFFIC),
        (240, 5, DataStatus.OK),
        (300, 5, DataStatus.NO_TRAFFIC),
        (301, 5, DataStatus.STALE),
        (-1, 5, DataStatus.NO_DATA),
    ],
)
def test_status_of_a_point(after_seconds: int, total: int, status: DataStatus) -> None:
    end = FLOOR + DAY
    rows = [Bucket(end, total, 0, 10)]
    objective = Objective(Decimal("0.999"), 30, 1)
    times = np.array([end + after_seconds], dtype=np.int64)
    (point,) = burn_history(times, reports_of(rows), counts_of(rows), objective, KEPT)
    assert point.data_status is status


def test_a_service_that_reports_each_quarter_is_not_stale_between() -> None:
    end = FLOOR + DAY
    rows = [Bucket(end, 5, 1, 900)]
    objective = Objective(Decimal("0.9"), 30, 1)
    times = np.array([end + 1740, end + 2700, end + 2701], dtype=np.int64)
    points = burn_history(times, reports_of(rows), counts_of(rows), objective, KEPT)
    statuses = [point.data_status for point in points]
    assert statuses == [DataStatus.OK, DataStatus.NO_TRAFFIC, DataStatus.STALE]
    assert points[0].burn_rate_5m == pytest.approx(2)


@pytest.mark.parametrize(
    ("bad", "level"),
    [
        ((999, 999, 999), RiskLevel.SAFE),
        ((1000, 1000, 1000), RiskLevel.OBSERVE),
        ((1500, 1500, 1500), RiskLevel.DANGER),
        ((2000, 2000, 2000), RiskLevel.DANGER),
        ((2001, 2001, 2001), RiskLevel.FREEZE),
    ],
)
def test_levels_on_and_next_to_their_boundaries(
    bad: tuple[int, int, int], level: RiskLevel
) -> None:
    """Each window holds 1 000 000 requests more than the shorter one, at the same bad share."""
    end = FLOOR + 26 * HOUR
    rows = [
        Bucket(end - 2 * HOUR, 1_000_000, bad[2], 10),
        Bucket(end - 600, 1_000_000, bad[1], 10),
        Bucket(end, 1_000_000, bad[0], 10),
    ]
    objective = Objective(Decimal("0.999"), 30, 1)
    times = np.array([end], dtype=np.int64)
    (point,) = burn_history(times, reports_of(rows), counts_of(rows), objective, KEPT)
    assert point.risk_level is level


def test_sums_of_huge_counts_stop_and_never_turn_negative() -> None:
    huge = 2**53 - 1
    rows = [Bucket(FLOOR + i * MINUTE, huge, huge // 2, 10) for i in range(1, 47 * 60)]
    objective = Objective(Decimal("0.5"), 90, 1)
    times = np.array([rows[-1].end], dtype=np.int64)
    (point,) = burn_history(times, reports_of(rows), counts_of(rows), objective, KEPT)
    assert (point.burn_rate_24h, point.error_budget_consumed) == (2, 2)


@given(st.integers(0, 2_000_000_000))
def test_minutes_begin_at_the_first_full_hour_that_is_kept(now: int) -> None:
    start = minutes_from(now)
    assert start % HOUR == 0
    assert 0 <= start - (now - 48 * HOUR) < HOUR


def test_the_past_is_stale_where_only_a_lone_source_of_long_reports_went_on() -> None:
    ends = [FLOOR + 2 * HOUR - minute * 60 for minute in range(120, 20, -1)]
    often = [Bucket(end, 10, 0, 10) for end in ends]
    seldom = Bucket(FLOOR + 2 * HOUR, 10, 0, 3600)
    rows = [*often, seldom]
    objective = Objective(Decimal("0.99"), 7, 0)
    times = np.array([ends[-1], FLOOR + 2 * HOUR])
    kept = Kept(FLOOR, NOW)
    before, after = burn_history(times, reports_of(rows), counts_of(rows), objective, kept)
    assert (before.data_status, after.data_status) == (DataStatus.OK, DataStatus.STALE)
    assert (before.short_window_seconds, after.short_window_seconds) == (300, 300)
