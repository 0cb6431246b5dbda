"""When errors began: found from counts, against what the simulator did."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.burn.history import Counts
from api_gateway.narrative.onset import find_onset
from ingest.simulator.scenarios import ScenarioKind
from ingest.simulator.services import SERVICES
from tests.support.narratives import HOURS, START, active, simulated_minutes, until

ABRUPT = {ScenarioKind.FAST_OUTAGE, ScenarioKind.FLAPPING, ScenarioKind.RECOVERY}


def minutes(*bad: int, total: int = 1000) -> Counts:
    ends = 1_772_366_400 + 60 * np.arange(1, len(bad) + 1)
    return Counts(ends, np.full(len(bad), total), np.array(bad))


def instant(minute: int) -> datetime:
    return datetime.fromtimestamp(1_772_366_400, UTC) + timedelta(minutes=minute)


def test_errors_that_last_have_a_beginning_and_no_end() -> None:
    onset = find_onset(minutes(*[0] * 60, *[50] * 10), 0.999)
    assert onset is not None
    assert (onset.at, onset.ended_at) == (instant(60), None)
    assert (onset.bad, onset.total) == (500, 10_000)


def test_errors_that_are_over_have_an_end() -> None:
    onset = find_onset(minutes(*[0] * 60, *[50] * 10, *[0] * 12), 0.999)
    assert onset is not None
    assert (onset.at, onset.ended_at) == (instant(60), instant(70))
    assert (onset.bad, onset.total) == (500, 10_000)


def test_after_a_long_calm_nothing_has_begun() -> None:
    assert find_onset(minutes(*[0] * 60, *[900] * 10, *[0] * 60), 0.999) is None


def test_flapping_is_one_thing_that_began_once() -> None:
    onset = find_onset(minutes(*[0] * 60, *([20] * 2 + [0] * 3) * 5), 0.999)
    assert onset is not None
    assert onset.at == instant(60)


@pytest.mark.parametrize("counts", [minutes(), minutes(*[0] * 30), minutes(0, 1, 0, 0, total=2)])
def test_no_counts_no_errors_or_one_of_few_is_no_beginning(counts: Counts) -> None:
    assert find_onset(counts, 0.999) is None


def test_errors_older_than_the_counts_have_no_known_beginning() -> None:
    assert find_onset(minutes(*[50] * 60), 0.999) is None


SLOW = [1, 0, 0, 0, 0, 0, 0, 0]
"""One failure in every eighth minute: a burn of 1.25 at an objective of 0.999 with 100 requests."""


def test_a_jump_on_top_of_a_slow_burn_is_the_onset_and_the_slow_burn_is_older() -> None:
    slow = SLOW * 120
    onset = find_onset(minutes(*[0] * 30, *slow, 7, 7, total=100), 0.999)
    assert onset is not None
    assert (onset.at, onset.bad, onset.total) == (instant(30 + len(slow)), 14, 200)
    assert onset.older is not None
    assert (onset.older.at, onset.older.ended_at) == (instant(30), onset.at)
    assert (onset.older.bad, onset.older.total) == (120, 100 * len(slow))


def test_a_jump_is_found_where_the_slow_burn_is_older_than_the_counts() -> None:
    onset = find_onset(minutes(*SLOW * 100, *[7] * 40, total=100), 0.999)
    assert onset is not None
    assert onset.at == instant(800)
    assert onset.older is not None
    assert onset.older.at == instant(0)


def test_of_two_jumps_the_last_one_explains_the_present_rate() -> None:
    onset = find_onset(minutes(*[0] * 30, *SLOW * 40, *[4] * 60, *[40] * 5, total=100), 0.999)
    assert onset is not None
    assert onset.at == instant(30 + 320 + 60)


@pytest.mark.parametrize("seed", range(6))
def test_a_burn_that_stays_as_it_is_has_no_jump(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    counts = minutes(*[0] * 30, *drawn.poisson(3, 900).tolist())
    onset = find_onset(counts, 0.999)
    assert onset is not None
    assert onset.older is None
    assert onset.at < instant(60)


def test_a_rate_that_creeps_up_has_no_jump() -> None:
    onset = find_onset(minutes(*[0] * 60, *range(1, 121)), 0.999)
    assert onset is not None
    assert onset.at <= instant(65)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 3000)), max_size=90))
def test_an_onset_lies_in_the_counts_and_counts_what_lies_after_it(
    rows: list[tuple[int, int]],
) -> None:
    bad, total = (np.array([row[n] for row in rows], dtype=np.int64) for n in (0, 1))
    counts = Counts(60 * np.arange(1, len(rows) + 1), total, bad)
    onset = find_onset(counts, 0.99)
    if onset is None:
        return
    inside = counts.ends > onset.at.timestamp()
    if onset.ended_at is not None:
        assert onset.ended_at > onset.at
        inside &= counts.ends <= onset.ended_at.timestamp()
    assert (onset.bad, onset.total) == (bad[inside].sum(), total[inside].sum())
    assert onset.older is None or onset.older.at < onset.at == onset.older.ended_at
    assert onset.bad > 0


def test_what_the_simulator_began_is_found_to_the_minute() -> None:
    late: dict[ScenarioKind, list[float]] = {}
    for service in SERVICES:
        for minute in range(60, HOURS * 60, 5):
            now = START + timedelta(minutes=minute)
            onset = find_onset(until(simulated_minutes(service.name), now), 0.999)
            running = [e for e in active(service.name, now) if e.end > now.timestamp() - 300]
            if not running or service.scenario in {None, ScenarioKind.LATENCY_ONLY}:
                continue
            if now.timestamp() - running[-1].start < 300 or running[-1].start < START.timestamp():
                continue
            began = 0.0 if onset is None else onset.at.timestamp()
            kind = running[-1].kind
            late.setdefault(kind, []).append((began - running[-1].start) / 60)
    for kind in ABRUPT:
        assert np.median(np.abs(late[kind])) <= 1, (kind, late[kind])
        assert np.mean(np.abs(np.array(late[kind])) <= 2) >= 0.7, (kind, late[kind])
    assert np.median(np.abs(late[ScenarioKind.SLOW_BURN])) <= 5


def test_healthy_services_have_no_onset() -> None:
    for service in SERVICES:
        if service.scenario in {None, ScenarioKind.LATENCY_ONLY}:
            for minute in range(30, HOURS * 60, 10):
                now = START + timedelta(minutes=minute)
                assert find_onset(until(simulated_minutes(service.name), now), 0.999) is None
