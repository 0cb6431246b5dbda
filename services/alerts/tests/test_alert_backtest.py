"""Rules replayed on counts of the past, against the live path and the simulator's truth."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.domain.backtest import WARM_UP, Alarm, Backtest, Incident, score
from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import Target
from burnrate.evaluation.replay import ShardReplay, StoredBucket
from common.alerting.default_rules import default_rules
from common.arrays import Ints
from common.events import Latency, MetricEvent, TargetChanged
from common.slo.vocabulary import SliType
from ingest.simulator.counts import events_between
from ingest.simulator.state import facts_between
from tests.reference.evaluator import target_changed
from tests.support.alerts.in_memory import START
from tests.support.alerts.live import SERVICE, LiveAlerts
from tests.support.servers.effort import examples

SEED = 5
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


@pytest.fixture(scope="module")
def payments() -> list[MetricEvent]:
    """Two days of a service that has an outage every hour, in reports of a minute."""
    found = events_between(SEED, seconds(START - 2 * DAY), seconds(START), 60)
    return [event for event in found if event.service == "payments"]


def replayed(events: list[MetricEvent], *targets: TargetChanged) -> ShardReplay:
    """Return the shard of one service, before any of its events."""
    catalog = Catalog(Target.default(Decimal("0.999"), 30))
    for target in targets:
        catalog.apply(target)
    return ShardReplay(0, [events[0].service], catalog, [])


def minutes(events: Iterable[MetricEvent]) -> dict[int, StoredBucket]:
    """Return what is stored of one service's events, by the end of the minute."""
    rows: dict[int, Ints] = defaultdict(lambda: np.zeros((1, 3), np.int64))
    histograms: dict[int, dict[Any, Any]] = defaultdict(dict)
    for event in events:
        ended = -(-seconds(event.timestamp) // 60) * 60
        row = rows[ended][0]
        row[:2] += (event.total, event.bad or 0)
        row[2] = min(row[2] or event.window_seconds, event.window_seconds)
        if event.latency:
            key = event.service, event.latency.bounds
            known = histograms[ended].get(key, [0] * len(event.latency.counts))
            summed = [n + m for n, m in zip(known, event.latency.counts, strict=True)]
            histograms[ended][key] = summed
    return {end: StoredBucket(end, row, histograms[end]) for end, row in rows.items()}


def backtest(
    events: list[MetricEvent], since: datetime, until: datetime, *targets: TargetChanged
) -> Backtest:
    """Return the default rules after all minutes, evaluated at each one from `since` on."""
    found, fed, shard = Backtest(default_rules()), minutes(events), replayed(events, *targets)
    for end in range(min(fed), seconds(until) + 1, 60):
        if end in fed:
            shard.feed(fed[end])
        now = datetime.fromtimestamp(end, UTC)
        if now >= since:
            found.step(shard.at(now), now)
    return found


def test_the_default_rules_find_the_outages_and_nothing_else(
    payments: list[MetricEvent],
) -> None:
    """Six hours of the simulator: an outage each hour, each seen, and no page without one."""
    begin = START - 6 * HOUR
    target = target_changed("payments", 1, objective="0.999", window_days=7)
    alarms = backtest(payments, begin - WARM_UP, START, target).alarms
    incidents = [
        Incident(name, e.kind, *(datetime.fromtimestamp(t, UTC) for t in (e.start, e.end)))
        for name, e in facts_between(SEED, seconds(begin - WARM_UP), seconds(START))
        if name == "payments"
    ]
    found = score(alarms, incidents, "page", begin)
    assert found.incidents >= 5
    assert found.recall == 1
    assert found.precision == 1
    assert found.median_detection_seconds is not None
    assert found.median_detection_seconds <= 180


REPORTS = st.lists(
    st.tuples(
        st.sampled_from((1, 1, 1, 2, 5, 10, 60)),  # minutes since the one before
        st.sampled_from((10, 60, 60, 300, 600, 3600, 7200)),  # how long a report is
        st.sampled_from((0, 0, 1, 5, 50, 100)),  # bad of 100, and slow of them
        st.sampled_from((0, 0, 5, 60)),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=examples(15), deadline=None)
@given(REPORTS)
async def test_the_same_events_give_the_same_notifications_live_and_replayed(
    reports: list[tuple[int, int, int, int]],
) -> None:
    """Events at whole minutes, of any length, with silence between them."""
    live = LiveAlerts()
    targets = (
        target_changed(SERVICE, 1, name="avail"),
        target_changed(
            SERVICE, 2, name="fast", sli_type=SliType.LATENCY, threshold_seconds=0.25, revision=2
        ),
    )
    live.declare(*targets)
    await live.tick(0)
    events, begin = [], live.now
    for gap, length, bad, slow in reports:
        for _ in range(gap - 1):
            await live.tick(60)
        # the report comes at the minute that it ends at, just before the tick
        live.process.now += timedelta(seconds=60)
        latency = Latency((0.25, 1.0), (100 - slow, slow, 0))
        events.append(live.report(100, bad, window_seconds=length, latency=latency))
        await live.tick(0)
    for _ in range(30):
        await live.tick(60)
    expected: dict[str, list[Any]] = {}
    for said in live.shard.said:
        if said.transition == "resolved":
            expected[said.episode.dedup_key][2] = said.at
        else:
            alarm = expected.setdefault(
                said.episode.dedup_key, [said.episode.rule, said.episode.slo, None, []]
            )
            alarm[3].append((said.at, said.episode.severity))
    found = backtest(events, begin, live.now, *targets).alarms
    assert [[a.rule, a.slo, a.ended_at, a.notified] for a in found] == [*expected.values()]


def alarm(notified: int, ended: int | None, severity: str = "page", service: str = "cart") -> Alarm:
    end = None if ended is None else START + timedelta(minutes=ended)
    at = START + timedelta(minutes=notified)
    return Alarm(service, "r", None, severity, at, end, "", [(at, severity)])  # type: ignore[arg-type, list-item]


def again(notified: int, later: int, first: str = "page", then: str = "page") -> Alarm:
    """Return an alarm that was notified a second time, and is open."""
    found = alarm(notified, None, first)
    found.notified.append((START + timedelta(minutes=later), then))  # type: ignore[arg-type]
    return found


def incident(start: int, end: int, service: str = "cart") -> Incident:
    return Incident(
        service, "fast_outage", START + timedelta(minutes=start), START + timedelta(minutes=end)
    )


@pytest.mark.parametrize(
    ("alarms", "incidents", "expected"),
    [
        ([], [incident(0, 9)], (0, 0, 1, 0, ())),
        ([alarm(2, 20)], [incident(0, 9)], (1, 1, 1, 1, (120.0,))),
        ([alarm(-5, None)], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(19, 25)], [incident(0, 9)], (1, 1, 1, 1, (1140.0,))),
        ([alarm(20, 25)], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(-9, -1)], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(2, 5, service="login")], [incident(0, 9)], (1, 0, 1, 0, ())),
        ([alarm(2, 5, "ticket")], [incident(0, 9)], (0, 0, 1, 0, ())),
        ([alarm(2, 40)], [incident(0, 9), incident(30, 35)], (1, 1, 2, 1, (120.0,))),
        ([again(-5, 3)], [incident(0, 9)], (1, 1, 1, 1, (180.0,))),
        ([again(-5, 3, first="ticket")], [incident(0, 9)], (1, 1, 1, 1, (180.0,))),
        ([again(-5, 3, then="ticket")], [incident(0, 9)], (1, 0, 1, 0, ())),
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
