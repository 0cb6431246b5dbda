"""Alerts of a service with several objectives: each is an episode of its own."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.domain.notifications import group
from alerts.domain.wording import message
from common.alerting.channels import CHANNEL_KINDS
from common.alerting.default_rules import default_rules
from common.alerting.silences import Matcher
from common.decisions.readings import read
from common.events import AlertAcknowledged, Latency, SilenceChanged
from common.slo.vocabulary import DataStatus, SliType
from tests.reference.evaluator import target_changed
from tests.support.alerts.in_memory import (
    QUIET,
    AlertShard,
    Said,
    forecast,
    rule,
    seen,
    shard,
    slo,
    transitions,
)
from tests.support.alerts.live import SERVICE, LiveAlerts
from tests.support.servers.effort import examples

PAGE = rule(
    "page", "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}],
    cooldown_seconds=900,
)  # fmt: skip
STALE = rule("stale", "data_stale", [{"severity": "ticket", "statuses": ["stale"]}])
FAST = (20.0, 0.0, 0.0, 0.0)
AVAIL, QUICK = slo(name="avail", pairs=FAST), slo(name="fast", pairs=FAST)
CALM_AVAIL, CALM_QUICK = slo(name="avail"), slo(name="fast")


def acknowledge(alerts: AlertShard, revision: int, slo_name: str) -> None:
    [episode] = [e for e in alerts.open_episodes(SERVICE, "page") if e.slo == slo_name]
    made = (episode.id, SERVICE, episode.version, "ines", "mine", alerts.now)
    alerts.configuration.apply(AlertAcknowledged(revision, *made))


def about(said: list[Said]) -> list[tuple[str | None, str]]:
    return [(one.episode.slo, one.transition) for one in said]


def test_an_acknowledged_outage_does_not_hide_slow_requests_that_come_after_it() -> None:
    alerts = shard(PAGE)
    assert about(alerts.see(SERVICE, seen(AVAIL, CALM_QUICK))) == [("avail", "firing")]
    acknowledge(alerts, 5, "avail")
    assert alerts.after(60, SERVICE, seen(AVAIL, CALM_QUICK)) == []
    [said] = alerts.after(60, SERVICE, seen(AVAIL, QUICK))
    assert (said.episode.slo, said.transition) == ("fast", "firing")
    assert "(fast;" in said.episode.message
    assert about(alerts.after(60, SERVICE, seen(CALM_AVAIL, QUICK))) == [("avail", "resolved")]
    [still] = alerts.open_episodes(SERVICE, "page")
    assert (still.slo, still.state) == ("fast", "firing")


async def test_the_same_by_counts_of_an_availability_and_a_latency_objective() -> None:
    live = LiveAlerts()
    live.declare(
        target_changed(SERVICE, 1, name="avail"),
        target_changed(
            SERVICE, 2, name="fast", sli_type=SliType.LATENCY, threshold_seconds=0.25, revision=2
        ),
    )
    await live.tick(10)
    quick, slow = (Latency((0.25, 1.0), counts) for counts in ((10_000, 0, 0), (0, 10_000, 0)))
    live.report(10_000, 5000, latency=quick)
    said = [s for s in await live.tick(10) if s.episode.severity == "page"]
    assert about(said) == [("avail", "firing")]
    [page] = live.shard.open_episodes(SERVICE, "burn-rate-page")
    live.shard.configuration.apply(
        AlertAcknowledged(9, page.id, SERVICE, page.version, "ines", "mine", live.now)
    )
    live.report(10_000, 0, latency=slow)
    said = [s for s in await live.tick(10) if s.episode.severity == "page"]
    assert about(said) == [("fast", "firing")]


def test_alerts_of_two_objectives_go_out_in_one_notification_and_are_told_apart() -> None:
    alerts = shard(PAGE)
    assert about(alerts.see(SERVICE, seen(AVAIL, QUICK))) == [
        ("avail", "firing"),
        ("fast", "firing"),
    ]
    episodes = alerts.open_episodes(SERVICE, "page")
    pending = [(episode, "firing", ("hook",)) for episode in episodes]
    [notification] = group(pending, lambda _: CHANNEL_KINDS["webhook"])  # type: ignore[arg-type]
    assert [alert.labels["slo"] for alert in notification.alerts] == ["avail", "fast"]
    assert len({alert.dedup_key for alert in notification.alerts}) == 2


def test_the_cooldown_of_one_objective_is_not_that_of_another() -> None:
    alerts = shard(PAGE)
    alerts.see(SERVICE, seen(AVAIL, CALM_QUICK))
    alerts.after(60, SERVICE, seen(CALM_AVAIL, CALM_QUICK))
    assert about(alerts.after(60, SERVICE, seen(AVAIL, QUICK))) == [("fast", "firing")]


def test_one_objective_is_silenced_by_its_name() -> None:
    alerts = shard(PAGE)
    end = alerts.now + timedelta(hours=1)
    matchers = (Matcher("slo", "avail"),)
    alerts.configuration.apply(SilenceChanged(1, 1, matchers, alerts.now, end, "ines", "works"))
    assert about(alerts.see(SERVICE, seen(AVAIL, QUICK))) == [("fast", "firing")]


def test_an_objective_that_is_gone_ends_its_alert_and_no_other() -> None:
    alerts = shard(PAGE, STALE)
    alerts.see(SERVICE, seen(AVAIL, QUICK))
    unknown = seen(AVAIL, QUICK, status=DataStatus.STALE)
    assert transitions(alerts.after(1, SERVICE, unknown)) == [("stale", "firing")]
    assert sorted(about(alerts.after(1, SERVICE, seen(AVAIL))), key=str) == [
        ("fast", "resolved"),
        (None, "resolved"),
    ]


def test_a_message_is_made_of_the_figures_of_the_moment_it_is_sent() -> None:
    alerts = shard(PAGE)
    quiet = SilenceChanged(
        1, 1, (Matcher("service", SERVICE),), alerts.now, alerts.now + timedelta(hours=1), "a", "b"
    )
    alerts.configuration.apply(quiet)
    alerts.see(SERVICE, seen(AVAIL))
    [said] = alerts.after(3600, SERVICE, seen(slo(name="avail", pairs=(77.0, 0, 0, 0))))
    assert "77.0 times" in said.episode.message
    [episode] = alerts.open_episodes(SERVICE, "page")
    assert episode.message == episode.annotations["summary"] == said.episode.message
    [ended] = alerts.after(60, SERVICE, seen(slo(name="avail", pairs=(0.5, 0, 0, 0))))
    assert ended.episode.message.startswith("checkout burned")
    assert "now 0.50 times" in ended.episode.message


def test_the_figures_at_firing_stay_what_they_were() -> None:
    alerts = shard(PAGE, STALE)
    alerts.see(SERVICE, seen(slo(name="avail", pairs=FAST, composite=9.0, left=0.5)))
    alerts.after(60, SERVICE, seen(slo(name="avail", pairs=FAST, composite=3.0, left=0.1)))
    [episode] = alerts.open_episodes(SERVICE, "page")
    figures = episode.figures_at_firing
    assert figures is not None
    assert (figures.composite_burn_rate, figures.error_budget_remaining) == (9.0, 0.5)
    alerts.after(60, SERVICE, seen(AVAIL, status=DataStatus.STALE))
    [stale] = alerts.open_episodes(SERVICE, "stale")
    assert stale.figures_at_firing is not None
    assert stale.figures_at_firing.data_status is DataStatus.STALE


NAMES = ("a", "b", "c")
STEPS = st.lists(st.fixed_dictionaries({n: st.booleans() for n in NAMES}), min_size=1, max_size=12)


@settings(max_examples=examples(100), deadline=None)
@given(STEPS)
def test_objectives_beside_each_other_are_notified_as_each_alone(
    steps: list[dict[str, bool]],
) -> None:
    together, alone = shard(PAGE), {name: shard(PAGE) for name in NAMES}
    for step in steps:
        given = {n: slo(name=n, pairs=FAST if burns else QUIET) for n, burns in step.items()}
        said = together.after(300, SERVICE, seen(*given.values()))
        apart = [s for n in NAMES for s in alone[n].after(300, SERVICE, seen(given[n]))]
        key = [(s.episode.slo, s.transition, s.at, s.episode.dedup_key) for s in said]
        assert sorted(key) == sorted(
            (s.episode.slo, s.transition, s.at, s.episode.dedup_key) for s in apart
        )


def test_an_episode_of_the_version_before_goes_on_under_its_objective() -> None:
    from alerts.storage.repository import _episode_of  # noqa: PLC0415

    alerts = shard(PAGE)
    alerts.see(SERVICE, seen(AVAIL))
    [episode] = alerts.open_episodes(SERVICE, "page")
    stored = {**msgspec.to_builtins(episode), "slo": None}
    assert _episode_of(stored).key == episode.key  # type: ignore[arg-type]


NOT_MET = {
    "burn-rate-page": (seen(slo(pairs=(14.4, 0, 0, 0))), "now 14.4 times (requests succeed; "),
    "risk-level": (seen(slo(composite=1.96)), "is now 1.96 (requests succeed; threshold 2"),
    "budget-left": (seen(slo(left=0.005)), "now 0.5% (requests succeed; threshold 0%)"),
    "exhaustion": (seen(forecast=forecast(None)), "later than its SLO window"),
    "data-stale": (seen(), "could not be judged: its data are ok"),
    "constant-burn": (seen(slo(rates=(0.1, 9.0, 9.0))), "is now 0.10 (requests succeed; "),
    "good-over-total": (seen(), "now 0 events were refused of late (threshold 1)"),
}


@pytest.mark.parametrize("name", NOT_MET)
def test_what_is_not_met_any_more_is_said_in_the_past_with_its_figure_now(name: str) -> None:
    rule, (inputs, expected) = default_rules()[name], NOT_MET[name]
    [readings] = read(rule, inputs).values()
    assert expected in message(rule, len(rule.levels), SERVICE, readings[-1], inputs)
