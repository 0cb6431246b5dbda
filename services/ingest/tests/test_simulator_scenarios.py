"""The simulated world as a pure function: repeatable, valid, shaped, and never without trouble."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.admission.identity import identity_of
from common.admission.metric_events import parse_metric_event
from common.events import MetricEvent, encode
from ingest.simulator.counts import DAY_SECONDS, bucket_shares, events_between, load_ratio
from ingest.simulator.scenarios import SCHEDULES, ScenarioKind, SimulatedIncident, incidents
from ingest.simulator.services import SERVICES

pytestmark = pytest.mark.slow

HOUR = 3600
MONDAY = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())
seeds = st.integers(0, 2**32 - 1)
instants = st.integers(MONDAY - 10**8, MONDAY + 10**8)
kinds = st.sampled_from(ScenarioKind)


@given(seeds, kinds, instants)
def test_each_kind_has_been_active_within_any_hour(seed: int, kind: ScenarioKind, now: int) -> None:
    assert incidents(seed, kind, now - HOUR, now)


@pytest.mark.parametrize("kind", ScenarioKind)
def test_no_draw_of_a_schedule_leaves_an_hour_without_or_overlaps(kind: ScenarioKind) -> None:
    schedule = SCHEDULES[kind]
    longest_pause_minutes = schedule.cycle + schedule.jitter - schedule.shortest
    assert longest_pause_minutes < 60
    assert schedule.jitter + schedule.longest < schedule.cycle


@given(seeds, kinds, instants, st.integers(1, 3 * DAY_SECONDS))
def test_episodes_do_not_overlap_and_do_not_depend_on_the_question(
    seed: int, kind: ScenarioKind, start: int, length: int
) -> None:
    found = incidents(seed, kind, start, start + length)
    for earlier, later in pairwise(found):
        assert earlier.end < later.start
    for incident in found:
        assert incident.start % 60 == incident.end % 60 == 0
        assert incidents(seed, kind, incident.start, incident.start + 1) == [incident]


@given(seeds, kinds, instants)
def test_parameters_keep_to_their_range(seed: int, kind: ScenarioKind, now: int) -> None:
    for incident in incidents(seed, kind, now - HOUR, now):
        ranges = SCHEDULES[kind].parameters
        assert incident.parameters.keys() == ranges.keys()
        for name, (low, high) in ranges.items():
            assert low <= incident.parameters[name] <= high


def test_each_kind_has_a_service_of_its_own_and_some_stay_healthy() -> None:
    scenarios = [service.scenario for service in SERVICES if service.scenario]
    assert sorted(scenarios) == sorted(ScenarioKind)
    assert len({service.name for service in SERVICES}) == len(SERVICES) == 12
    assert {service.tier for service in SERVICES} == {1, 2, 3}
    assert len(SERVICES) - len(scenarios) >= 4


@settings(max_examples=20)
@given(seeds, instants, st.sampled_from([10, 60]))
def test_events_are_admitted_and_the_same_at_every_call(seed: int, start: int, window: int) -> None:
    found = list(events_between(seed, start, start + 5 * window, window))
    assert found == list(events_between(seed, start, start + 5 * window, window))
    assert len(found) == 5 * len(SERVICES)
    identities = set()
    for event in found:
        assert parse_metric_event(encode(event), forbid_unknown=True) == event
        assert start < event.timestamp.timestamp() <= start + 5 * window
        assert event.timestamp.timestamp() % window == 0
        identities.add(identity_of(event))
    assert len(identities) == len(found)


@settings(max_examples=20)
@given(seeds, instants, st.integers(1, 500))
def test_a_gap_filled_later_holds_the_events_that_were_missed(
    seed: int, start: int, pause: int
) -> None:
    middle, end = start + pause, start + 600
    in_parts = [*events_between(seed, start, middle, 10), *events_between(seed, middle, end, 10)]
    assert in_parts == list(events_between(seed, start, end, 10))


def test_another_seed_is_another_world() -> None:
    one, other = (next(events_between(seed, MONDAY, MONDAY + 60, 60)) for seed in (1, 2))
    assert one.latency != other.latency


def of_service(events: list[MetricEvent], name: str) -> list[MetricEvent]:
    return [event for event in events if event.service == name]


def share(events: list[MetricEvent]) -> float:
    return sum(event.bad or 0 for event in events) / sum(event.total for event in events)


@pytest.fixture(scope="module")
def week() -> list[MetricEvent]:
    return list(events_between(7, MONDAY - 7 * DAY_SECONDS, MONDAY, 60))


def test_healthy_services_keep_far_inside_their_objective(week: list[MetricEvent]) -> None:
    for service in SERVICES:
        if service.scenario not in {None, ScenarioKind.TRAFFIC_DIP, ScenarioKind.LATENCY_ONLY}:
            continue
        mine = of_service(week, service.name)
        assert share(mine) < 0.0005
        hours = [mine[n : n + 60] for n in range(0, len(mine), 60)]
        assert max(share(hour) for hour in hours) < 0.001


def test_only_payments_has_spent_more_than_its_budget_and_some_are_near_it(
    week: list[MetricEvent],
) -> None:
    budget = {s.name: 1 - float(s.availability_objective) for s in SERVICES}
    spent = {name: share(of_service(week, name)) / ratio for name, ratio in budget.items()}
    assert 5 < spent.pop("payments") < 15
    assert max(spent.values()) < 1
    for name in ("checkout", "inventory", "notifications"):
        assert spent[name] > 0.4


def test_traffic_has_a_day_and_a_week(week: list[MetricEvent]) -> None:
    by_hour, by_day = Counter[int](), Counter[int]()
    for event in of_service(week, "cart"):
        by_hour[event.timestamp.hour] += event.total
        by_day[event.timestamp.weekday()] += event.total
    assert by_hour[15] > 3 * by_hour[3]
    assert max(by_day[5], by_day[6]) < 0.85 * min(by_day[n] for n in range(5))
    steps = load_ratio(np.arange(MONDAY, MONDAY + 7 * DAY_SECONDS, 60.0))
    assert np.abs(np.diff(steps)).max() < 0.01
    assert steps.mean() == pytest.approx(0.93, abs=0.05)


def test_counts_scatter_as_poisson_counts_do() -> None:
    quiet = list(events_between(3, MONDAY + 12 * HOUR, MONDAY + 13 * HOUR, 10))
    totals = np.array([event.total for event in of_service(quiet, "login")])
    expected = totals.mean()
    assert 0.7 < totals.var() / expected < 1.5


def inside_and_outside(
    kind: ScenarioKind,
) -> tuple[list[MetricEvent], list[MetricEvent], SimulatedIncident]:
    """Return the service's minutes within an incident and those of the same length before it."""
    name = next(service.name for service in SERVICES if service.scenario is kind)
    incident = incidents(7, kind, MONDAY, MONDAY + 3 * HOUR)[1]
    length = min(incident.end - incident.start, 10 * 60)
    before = of_service(list(events_between(7, incident.start - length, incident.start, 60)), name)
    within = of_service(list(events_between(7, incident.start, incident.end, 60)), name)
    return within, before, incident


def test_fast_outage_and_slow_burn_raise_the_error_ratio_as_recorded() -> None:
    for kind in (ScenarioKind.FAST_OUTAGE, ScenarioKind.SLOW_BURN):
        within, before, incident = inside_and_outside(kind)
        assert share(within) == pytest.approx(incident.parameters["error_ratio"], rel=0.25)
        assert share(before) < 0.0005


def test_flapping_changes_back_and_forth() -> None:
    within, _, incident = inside_and_outside(ScenarioKind.FLAPPING)
    minutes = int(incident.parameters["half_period_seconds"]) // 60
    broken = [event for n, event in enumerate(within) if n // minutes % 2 == 0]
    whole = [event for n, event in enumerate(within) if n // minutes % 2 == 1]
    assert len(whole) >= len(within) / 3
    assert share(broken) == pytest.approx(incident.parameters["error_ratio"], rel=0.25)
    assert share(whole) < 0.0005


def test_a_traffic_dip_takes_traffic_and_leaves_the_rest() -> None:
    within, before, incident = inside_and_outside(ScenarioKind.TRAFFIC_DIP)
    mean_within = np.mean([event.total for event in within])
    mean_before = np.mean([event.total for event in before])
    ratio = incident.parameters["traffic_ratio"]
    assert mean_within / mean_before == pytest.approx(ratio, rel=0.2)
    assert share(within) < 0.001


def slow_share(events: list[MetricEvent]) -> float:
    """Return the share of requests over 0.5 s."""
    slow = sum(sum(event.latency.counts[4:]) for event in events if event.latency)
    return slow / sum(event.total for event in events)


def test_latency_only_slows_down_without_errors() -> None:
    within, before, _ = inside_and_outside(ScenarioKind.LATENCY_ONLY)
    assert slow_share(before) < 0.002
    assert slow_share(within) > 0.008
    assert share(within) < 0.0005


def test_recovery_is_an_outage_and_then_a_storm_that_calms_down() -> None:
    within, before, incident = inside_and_outside(ScenarioKind.RECOVERY)
    outage = int(incident.parameters["outage_seconds"]) // 60
    assert share(within[:outage]) == pytest.approx(incident.parameters["error_ratio"], rel=0.1)
    storm = within[outage:]
    assert storm[0].total > 1.4 * before[-1].total
    assert storm[-1].total < 1.3 * before[-1].total
    assert share(storm[:2]) > 0.02
    assert share(storm[-1:]) < 0.01


def test_bucket_shares_are_a_distribution() -> None:
    shares = bucket_shares(np.array([0.01, 0.1, 5.0]))
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert (shares >= 0).all()
    assert shares[0, 0] > 0.99
    assert shares[2, -1] > 0.9
