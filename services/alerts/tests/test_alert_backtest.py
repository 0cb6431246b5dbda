"""Rules replayed on counts of the past, against brute force and the simulator's truth."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from alerts.domain.backtest import WARM_UP, Alarm, Backtest, Incident, score
from alerts.domain.backtest_snapshots import Series, snapshots
from common.alerting.default_rules import default_rules
from common.events import MetricEvent, TargetSpec
from common.slo.vocabulary import DataStatus, SliType
from ingest.simulator.counts import events_between
from ingest.simulator.state import facts_between
from tests.reference.brute_force import window_sums
from tests.support.alerts.in_memory import START

SEED = 5
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPEC = TargetSpec("up", SliType.AVAILABILITY, Decimal("0.999"), 7)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


@pytest.fixture(scope="module")
def payments() -> list[MetricEvent]:
    """Two days of a service that has an outage every hour, in reports of a minute."""
    found = events_between(SEED, seconds(START - 2 * DAY), seconds(START), 60)
    return [event for event in found if event.service == "payments"]


def series(events: list[MetricEvent]) -> Series:
    columns = [(seconds(e.timestamp), e.total, e.bad or 0) for e in events]
    ends, total, bad = np.array(columns, dtype=np.int64).T
    return Series(1, SPEC, ends, total, bad)


def test_snapshots_of_the_past_have_the_sums_of_brute_force(payments: list[MetricEvent]) -> None:
    counts = series(payments)
    times = [seconds(START - HOUR), seconds(START)]
    for at, shot in zip(times, snapshots("payments", counts.ends, [counts], times), strict=True):
        (slo,) = shot.slos
        now = datetime.fromtimestamp(at, UTC)
        for name, window in slo.windows.items():
            total, bad = window_sums(payments, now, window.window_seconds)
            assert (window.total, window.bad) == (total, bad), name
        for pair in slo.burn_pairs:
            rates = []
            for length in (pair.long_seconds, pair.short_seconds):
                if length <= 86_400:  # what is longer is summed by hours there, by minutes here
                    total, bad = window_sums(payments, now, length)
                    rates.append(bad / total / 0.001)
            if len(rates) == 2:
                assert pair.burn_rate == pytest.approx(min(rates))


def test_the_past_is_stale_after_the_last_report_and_unknown_before_the_first() -> None:
    reported = np.array([1000], dtype=np.int64)
    counts = Series(1, SPEC, reported, np.array([10]), np.array([1]))
    shots = snapshots("cart", reported, [counts], [999, 1000, 1300, 1301])
    assert [s.data_status for s in shots] == [
        DataStatus.NO_DATA,
        DataStatus.OK,
        DataStatus.OK,
        DataStatus.STALE,
    ]


def test_the_default_rules_find_the_outages_and_nothing_else(
    payments: list[MetricEvent],
) -> None:
    """Six hours of the simulator: an outage each hour, each seen, and no page without one."""
    counts, begin = series(payments), START - 6 * HOUR
    backtest = Backtest(default_rules())
    times = range(seconds(begin - WARM_UP), seconds(START) + 1, 60)
    backtest.run("payments", snapshots("payments", counts.ends, [counts], times))
    incidents = [
        Incident(name, e.kind, *(datetime.fromtimestamp(t, UTC) for t in (e.start, e.end)))
        for name, e in facts_between(SEED, seconds(begin - WARM_UP), seconds(START))
        if name == "payments"
    ]
    found = score(backtest.alarms, incidents, "page", begin)
    assert found.incidents >= 5
    assert found.recall == 1
    assert found.precision == 1
    assert found.median_detection_seconds is not None
    assert found.median_detection_seconds <= 180


def alarm(notified: int, ended: int | None, severity: str = "page", service: str = "cart") -> Alarm:
    end = None if ended is None else START + timedelta(minutes=ended)
    at = START + timedelta(minutes=notified)
    return Alarm(service, "r", severity, at, end, "")  # type: ignore[arg-type]


def incident(start: int, end: int, service: str = "cart") -> Incident:
    return Incident(
        service, "fast_outage", START + timedelta(minutes=start), START + timedelta(minutes=end)
    )


@pytest.mark.parametrize(
    ("alarms", "incidents", "expected"),
    [
        ([], [incident(0, 9)], (0, 0, 1, 0, ())),
        ([alarm(2, 20)], [incident(0, 9)], (1, 1, 1, 1, (120.0,))),
        ([alarm(-5, None)], [incident(0, 9)], (1, 1, 1, 1, (0.0,))),
        ([alarm(19, 25)], [incident(0, 9)], (1, 1, 1, 1, (1140.0,))),
        ([alarm(20, 25)], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(-9, -1)], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(2, 5, service="login")], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(2, 5, "ticket")], [incident(0, 9)], (0, 0, 1, 0, ())),
        ([alarm(2, 40)], [incident(0, 9), incident(30, 35)], (1, 1, 2, 2, (120.0, 0.0))),
    ],
)
def test_alarms_are_scored_by_what_was_wrong(
    alarms: list[Alarm], incidents: list[Incident], expected: tuple[object, ...]
) -> None:
    found = score(alarms, incidents, "page", START - timedelta(minutes=9))
    assert (
        found.alarms, found.right, found.incidents, found.detected, found.detection_seconds
    ) == expected  # fmt: skip
    assert (found.precision is None) == (not found.alarms)
    assert found.by_kind == {"fast_outage": (found.detected, found.incidents)}
