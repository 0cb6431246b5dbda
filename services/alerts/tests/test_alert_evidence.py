"""Evidence for a burn rate: how many failures lie behind it, and in which window they count."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.alerting.default_rules import default_rules
from common.decisions.readings import Inputs, read
from common.events import SloStatus
from common.slo.arithmetic import error_budget_remaining
from tests.reference.evaluator import target_changed
from tests.support.alerts.in_memory import PAIRS, rule, slo, snapshot
from tests.support.alerts.live import SERVICE, LiveAlerts
from tests.support.servers.effort import examples

MINUTE, HOUR = 60, 3600


def with_bad(one: SloStatus, *bad: int) -> SloStatus:
    """Return the objective with these bad events in the long windows of its pairs."""
    pairs = tuple(
        msgspec.structs.replace(pair, bad=count)
        for pair, count in zip(one.burn_pairs, bad, strict=True)
    )
    return msgspec.structs.replace(one, burn_pairs=pairs)


async def request(live: LiveAlerts, bad: int, until_next_seconds: float) -> None:
    """Report one request, and that there was none after it, until the next one is due."""
    live.report(1, bad)
    await live.tick(10)
    for seconds in (250, until_next_seconds - 260):
        live.process.now += timedelta(seconds=seconds - 10)
        live.report(0, 0)
        await live.tick(10)


@pytest.mark.parametrize(
    ("total", "bad", "objective", "at_most"),
    [(10_000, 9, 0.999, 0.1), (40_000, 3, 0.9999, 0.25), (10_000, 10, 0.999, 0.0)],
)
def test_exactly_the_share_of_a_rule_left_opens_it_and_one_failure_fewer_does_not(
    total: int, bad: int, objective: float, at_most: float
) -> None:
    level = {"severity": "ticket", "at_most_ratio": at_most}
    asked = rule("r", "budget_left", [level], min_bad_events=1)
    for count, met in ((bad, True), (bad - 1, False)):
        left = error_budget_remaining(count, total, objective)
        one = msgspec.structs.replace(slo(), bad=count, total=total, error_budget_remaining=left)
        [[reading]] = read(asked, Inputs(snapshot(one))).values()
        assert reading.met is met


@pytest.mark.parametrize("number", range(len(PAIRS)))
@pytest.mark.parametrize("bad", [9, 10])
def test_evidence_for_a_pair_is_counted_over_its_long_window(number: int, bad: int) -> None:
    rates, counts = [0.0] * 4, [10**6] * 4
    rates[number], counts[number] = 1000.0, bad
    one = with_bad(slo(pairs=tuple(rates), bad=0), *counts)
    asked = rule(
        "r", "burn_rate", [{"severity": "page", "long_windows_seconds": [p[0] for p in PAIRS]}],
        min_bad_events=10,
    )  # fmt: skip
    [readings] = read(asked, Inputs(snapshot(one))).values()
    assert readings[0].met is (bad == 10)


def test_a_pair_without_evidence_does_not_hide_a_slower_one_that_has_it() -> None:
    one = with_bad(slo(pairs=(900.0, 7.0, 0.0, 0.0)), 9, 10, 0, 0)
    [readings] = read(default_rules()["burn-rate-page"], Inputs(snapshot(one))).values()
    assert (readings[0].met, readings[0].observed) == (True, 7.0)


async def test_nine_failures_an_hour_and_nothing_else_page() -> None:
    live = LiveAlerts()
    live.declare(target_changed(SERVICE, 1, objective="0.99"))
    await live.tick(10)
    for _ in range(6 * 9):
        await request(live, 1, HOUR / 9)
    pages = [s for s in live.shard.said if s.episode.severity == "page"]
    assert [s.transition for s in pages] == ["firing"]
    assert pages[0].at - live.process.now < timedelta(hours=-4)  # in the second hour


@settings(max_examples=examples(6), deadline=None)
@given(st.integers(3, 9), st.integers(0, 12))
async def test_a_handful_of_failures_a_day_reaches_a_burn_rate_rule_before_its_budget_is_gone(
    failures: int, spare: int
) -> None:
    """30 days of a small service without a failure, then some a day: each is spread over it."""
    live = LiveAlerts()
    live.declare(target_changed(SERVICE, 1, objective="0.99"))
    await live.tick(10)
    # the budget holds more than three failures, and what comes spends it: a rate above 1
    a_day = max(14, min(99 * failures // 2, 14 + spare * failures))
    step = 86_400 / a_day
    live.report(30 * a_day, 0)
    await live.tick(86_400)
    failed_before = 0.0
    for number in range(40 * a_day):
        due = (number + 1) * failures / a_day
        bad = int(due) - int(failed_before)
        failed_before = due
        await request(live, bad, step)
        assert live.snapshot is not None
        rules = {s.episode.rule for s in live.shard.said if s.episode.rule.startswith("burn-rate")}
        if rules:
            return
        assert live.snapshot.error_budget_remaining > 0
    pytest.fail("the budget is not gone, and no rule was reached")


def test_a_burn_rate_rule_may_count_its_evidence_over_the_slo_window() -> None:
    low = default_rules()["burn-rate-low-traffic"]
    for bad, expected in ((2, False), (3, True)):
        one = with_bad(slo(pairs=(0.0, 0.0, 0.0, 1.5), bad=bad), 0, 0, 0, 1)
        [readings] = read(low, Inputs(snapshot(one))).values()
        assert readings[0].met is expected
