"""What one alert explains of another: every pair of rules, every order of onset."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from alerts.domain.configuration import AlertConfiguration
from common.alerting.default_rules import default_rules
from common.alerting.rules import RISK_ORDER, Rule
from common.decisions.readings import Inputs
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.alerts.in_memory import (
    AlertShard,
    forecast,
    rule,
    seen,
    shard,
    slo,
    transitions,
)
from tests.support.alerts.live import SERVICE, LiveAlerts

COMPOSITES = {
    RiskLevel.SAFE: 0.5,
    RiskLevel.OBSERVE: 1.2,
    RiskLevel.DANGER: 1.7,
    RiskLevel.FREEZE: 2.5,
}
LEVELS: dict[str, dict[str, Any]] = {
    "burn_rate": {"long_windows_seconds": [259_200]},
    "risk_level": {"at_least_level": "OBSERVE"},
    "budget_left": {"at_most_ratio": 0.5},
    "exhaustion": {"within_hours": 24},
    "constant_burn": {"at_least_burn_rate": 0.5},
    "data_stale": {"statuses": ["stale"]},
    "good_over_total": {"at_least_events": 1},
}
OF_OBJECTIVES = ("burn_rate", "risk_level", "budget_left", "exhaustion", "constant_burn")
PAIRS = [(one, other) for one, other in product(OF_OBJECTIVES, repeat=2) if one != other]


def made(kind: str, name: str, **fields: Any) -> Rule:
    """Return a rule of a kind that, once it fires, stays open."""
    level = {"severity": "ticket", **LEVELS[kind]}
    given = {"resolve_for_seconds": 7 * 86_400, "renotify_ratio": None, **fields}
    return rule(name, kind, [level], **given)


def known(level: RiskLevel, *kinds: str) -> Inputs:
    """Return what is known where the conditions of these kinds are met, at a risk level."""
    rates = (0.6, 0.6, 0.6) if "constant_burn" in kinds else (0.0, 1.0, 2.0)
    one = slo(
        pairs=(0.0, 0.0, 0.0, 1.25 if "burn_rate" in kinds else 0.0),
        composite=COMPOSITES[level],
        left=0.4 if "budget_left" in kinds else 0.9,
        rates=rates,
    )
    return seen(one, forecast=forecast(12.0 if "exhaustion" in kinds else None))


@pytest.mark.parametrize(("inhibiting", "inhibited"), PAIRS)
def test_what_is_inhibited_is_notified_once_the_level_has_risen_since(
    inhibiting: str, inhibited: str
) -> None:
    """Three steps at any levels; the other begins at any of them, or never."""
    for levels in product(RiskLevel, repeat=3):
        for onset in range(3):
            alerts = shard(made(inhibiting, "old", inhibits=["new"]), made(inhibited, "new"))
            said, explained = [], None
            for number, level in enumerate(levels):
                kinds = (inhibiting, inhibited) if number >= onset else (inhibiting,)
                alerts.after(60, SERVICE, known(level, *kinds))
                if explained is None and alerts.open_episodes(SERVICE, "old"):
                    explained = level
                if explained is not None:
                    explained = min(explained, level, key=RISK_ORDER.index)
                risen = explained is None or level is not explained
                if alerts.open_episodes(SERVICE, "new") and risen:
                    said.append(number)
            notified = [s for s in alerts.said if s.episode.rule == "new"]
            assert bool(notified) == bool(said), (levels, onset)


@pytest.mark.parametrize(("inhibiting", "inhibited"), PAIRS)
def test_what_has_begun_first_was_notified_and_its_explanation_does_not_end_it(
    inhibiting: str, inhibited: str
) -> None:
    alerts = shard(made(inhibiting, "old", inhibits=["new"]), made(inhibited, "new"))
    at_first = RiskLevel.OBSERVE if inhibited == "risk_level" else RiskLevel.SAFE
    if inhibiting == "risk_level" and at_first is not RiskLevel.SAFE:
        return  # both begin at once: that is the case above
    alerts.see(SERVICE, known(at_first, inhibited))
    assert ("new", "firing") in transitions(alerts.said)
    alerts.after(60, SERVICE, known(RiskLevel.FREEZE, inhibiting, inhibited))
    alerts.after(60, SERVICE, known(RiskLevel.FREEZE, inhibiting, inhibited))
    kept = [s.transition for s in alerts.said if s.episode.rule == "new"]
    assert kept == ["firing"]


@pytest.mark.parametrize("inhibited", OF_OBJECTIVES)
@pytest.mark.parametrize("inhibiting", ["data_stale", "good_over_total"])
def test_what_is_about_the_whole_service_inhibits_as_it_is_set(
    inhibiting: str, inhibited: str
) -> None:
    alerts = shard(made(inhibiting, "old", inhibits=["new"]), made(inhibited, "new"))
    odd = known(RiskLevel.FREEZE, inhibited)
    stale = seen(status=DataStatus.STALE, invalid_counts=3)
    alerts.see(SERVICE, stale)
    assert transitions(alerts.after(60, SERVICE, odd)) == []


def test_an_alert_about_one_objective_explains_nothing_of_another() -> None:
    alerts = shard(made("burn_rate", "old", inhibits=["new"]), made("budget_left", "new"))
    burning = slo(name="avail", pairs=(0.0, 0.0, 0.0, 1.25))
    spent = slo(name="fast", left=0.1)
    assert transitions(alerts.see(SERVICE, seen(burning, spent))) == [
        ("new", "firing"),
        ("old", "firing"),
    ]


GROWING = [{"severity": "ticket", "long_windows_seconds": [259_200]}]


def burning(composite: float, **fields: Any) -> Inputs:
    return seen(slo(pairs=(0.0, 0.0, 0.0, 1.25), composite=composite, **fields))


def test_an_open_alert_is_notified_again_each_time_its_burn_rate_has_doubled() -> None:
    alerts = shard(rule("ticket", "burn_rate", GROWING))
    alerts.see(SERVICE, burning(1.5))
    for composite, expected in ((2.9, []), (3.0, ["worsened"]), (5.9, []), (0.0, []), (6.0, 1)):
        said = alerts.after(901, SERVICE, burning(composite))
        assert [s.transition for s in said] == (["worsened"] if expected else [])
    assert alerts.open_episode(SERVICE, "ticket").notices == 3


def test_what_grows_below_what_the_budget_bears_or_without_evidence_is_not_notified_again() -> None:
    alerts = shard(rule("ticket", "burn_rate", GROWING, min_bad_events=10))
    alerts.see(SERVICE, burning(0.1, bad=10))
    assert alerts.after(901, SERVICE, burning(1.9, bad=10)) == []
    assert alerts.after(901, SERVICE, burning(2.1, bad=9)) == []
    assert transitions(alerts.after(1, SERVICE, burning(2.1, bad=10))) == [("ticket", "worsened")]


def test_growth_waits_for_the_cooldown() -> None:
    alerts = shard(rule("ticket", "burn_rate", GROWING))
    alerts.see(SERVICE, burning(1.5))
    assert alerts.after(899, SERVICE, burning(9.0)) == []
    assert transitions(alerts.after(1, SERVICE, burning(9.0))) == [("ticket", "worsened")]


def test_how_far_a_burn_rate_has_to_grow_is_a_setting_of_the_rule() -> None:
    for ratio, expected in ((10.0, []), (3.0, ["worsened"]), (None, [])):
        alerts = shard(rule("ticket", "burn_rate", GROWING, renotify_ratio=ratio))
        alerts.see(SERVICE, burning(1.5))
        said = alerts.after(901, SERVICE, burning(5.0))
        assert [s.transition for s in said] == expected


@pytest.mark.slow
@pytest.mark.parametrize("renotified", [True, False])
async def test_an_old_slow_burn_does_not_mute_a_new_outage(*, renotified: bool) -> None:
    """26 hours of one failure in every eighth minute, then 7 % errors."""
    rules = default_rules()
    if not renotified:
        rules = {n: Rule(**{**_fields(r), "renotify_ratio": None}) for n, r in rules.items()}
    live = LiveAlerts(AlertShard(AlertConfiguration(rules)))
    for minute in range(26 * 60):
        live.report(100, int(minute % 8 == 0), window_seconds=60)
        await live.tick(60)
    [ticket] = live.shard.open_episodes(SERVICE, "burn-rate-ticket")
    assert ticket.notices == 1
    before = len(live.shard.said)
    while live.snapshot is None or live.snapshot.composite_burn_rate < 32:
        live.report(100, 7, window_seconds=60)
        await live.tick(60)
    for _ in range(5):  # the hold of the risk level
        live.report(100, 7, window_seconds=60)
        await live.tick(60)
    said = live.shard.said[before:]
    expected = ("burn-rate-ticket", "worsened") if renotified else ("risk-level", "firing")
    assert expected in transitions(said)
    assert said[0].at - ticket.started_at > timedelta(hours=1)


def _fields(of: Rule) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__struct_fields__}
