"""What is notified and what is held back, stage by stage, by an injected clock."""

from datetime import timedelta

import pytest

from common.alerting.rules import Rule, rule_document
from common.alerting.silences import Matcher
from common.events import AlertAcknowledged, RuleChanged, ServiceChanged, SilenceChanged
from common.slo.vocabulary import DataStatus
from tests.support.alerts.in_memory import (
    START,
    AlertShard,
    kinds,
    rule,
    seen,
    shard,
    slo,
    transitions,
)

PAGE = rule(
    "page", "burn_rate", [{"severity": "page", "long_windows_seconds": [3600, 21_600]}],
    inhibits=["ticket"],
)  # fmt: skip
TICKET = rule(
    "ticket", "burn_rate", [{"severity": "ticket", "long_windows_seconds": [86_400]}]
)  # fmt: skip
BUDGET = rule(
    "budget",
    "budget_left",
    [{"severity": "info", "at_most_ratio": 0.5}, {"severity": "ticket", "at_most_ratio": 0.1}],
)
FAST, SLOW, BOTH = (20.0, 0.0, 0.0, 0.0), (0.0, 0.0, 4.0, 0.0), (20.0, 0.0, 4.0, 0.0)


def silence(shard: AlertShard, revision: int, seconds: float, **labels: str) -> None:
    matchers = tuple(Matcher(name, value) for name, value in labels.items())
    end = shard.now + timedelta(seconds=seconds)
    shard.configuration.apply(
        SilenceChanged(revision, 1, matchers, shard.now, end, "ines", "works")
    )


def acknowledge(
    shard: AlertShard, service: str, rule_name: str, revision: int, version: int = 0
) -> None:
    episode = shard.open_episode(service, rule_name)
    wished = version or episode.version
    shard.configuration.apply(
        AlertAcknowledged(revision, episode.id, service, wished, "ines", "mine", shard.now)
    )


def test_a_condition_that_goes_on_is_notified_once() -> None:
    alerts = shard(PAGE)
    assert transitions(alerts.see("checkout", seen(slo(pairs=FAST)))) == [("page", "firing")]
    for _ in range(100):
        assert alerts.after(60, "checkout", seen(slo(pairs=FAST))) == []
    assert alerts.open_episode("checkout", "page").notices == 1


def test_a_threshold_is_passed_above_it_and_not_on_it() -> None:
    alerts = shard(PAGE)
    assert alerts.see("checkout", seen(slo(pairs=(14.4, 0.0, 0.0, 0.0)))) == []
    assert alerts.after(1, "checkout", seen(slo(pairs=(14.4001, 0.0, 0.0, 0.0))))


def test_a_hold_is_waited_for_and_begins_anew_at_each_break() -> None:
    alerts = shard(rule("page", "burn_rate", [PAGE_LEVEL], for_seconds=60))
    burning, quiet = seen(slo(pairs=FAST)), seen()
    assert alerts.see("checkout", burning) == []
    assert alerts.after(50, "checkout", quiet) == []
    assert alerts.after(1, "checkout", burning) == []
    assert alerts.after(59, "checkout", burning) == []
    assert transitions(alerts.after(1, "checkout", burning)) == [("page", "firing")]


PAGE_LEVEL = {"severity": "page", "long_windows_seconds": [3600]}


def test_between_the_thresholds_an_episode_neither_ends_nor_begins_again() -> None:
    alerts = shard(
        rule("page", "burn_rate", [PAGE_LEVEL], resolve_ratio=0.5, resolve_for_seconds=60)
    )
    alerts.see("checkout", seen(slo(pairs=FAST)))
    for number in range(20):
        rate = 8.0 if number % 2 else 15.0
        assert alerts.after(30, "checkout", seen(slo(pairs=(rate, 0, 0, 0)))) == []
    alerts.after(1, "checkout", seen())
    assert alerts.after(59, "checkout", seen()) == []
    assert transitions(alerts.after(1, "checkout", seen())) == [("page", "resolved")]
    assert len(alerts.episodes) == 1


def test_a_page_keeps_its_ticket_quiet_until_it_ends() -> None:
    alerts = shard(PAGE, TICKET)
    assert transitions(alerts.see("checkout", seen(slo(pairs=BOTH)))) == [("page", "firing")]
    ticket = alerts.open_episode("checkout", "ticket")
    assert (ticket.held_by, ticket.held_back) == ("inhibited", 1)
    assert alerts.after(600, "checkout", seen(slo(pairs=BOTH))) == []
    notified = alerts.after(1, "checkout", seen(slo(pairs=SLOW)))
    assert transitions(notified) == [("page", "resolved"), ("ticket", "firing")]


def test_what_inhibits_elsewhere_or_is_milder_does_not_inhibit() -> None:
    mild = rule("mild", "risk_level", [{"severity": "info", "at_least_level": "OBSERVE"}],
                inhibits=["ticket"])  # fmt: skip
    alerts = shard(mild, TICKET, PAGE)
    alerts.see("cart", seen(slo(pairs=FAST)))
    notified = alerts.see("checkout", seen(slo(pairs=SLOW, composite=1.2)))
    assert {("ticket", "firing"), ("mild", "firing")} == set(transitions(notified))


def test_a_silence_holds_back_and_at_its_end_what_still_fires_is_said() -> None:
    alerts = shard(PAGE)
    silence(alerts, 1, 3600, service="checkout")
    assert alerts.see("checkout", seen(slo(pairs=FAST))) == []
    assert alerts.open_episode("checkout", "page").held_by == "silenced"
    assert alerts.after(3599, "checkout", seen(slo(pairs=FAST))) == []
    assert transitions(alerts.after(1, "checkout", seen(slo(pairs=FAST)))) == [("page", "firing")]
    assert kinds(alerts.history, 1) == ["firing", "held_back", "notified"]


def test_what_was_notified_before_a_silence_is_notified_again_after_it() -> None:
    alerts = shard(PAGE)
    alerts.see("checkout", seen(slo(pairs=FAST)))
    silence(alerts, 1, 600, alertname="page")
    assert alerts.after(300, "checkout", seen(slo(pairs=FAST))) == []
    assert alerts.open_episode("checkout", "page").held_back == 0
    notified = alerts.after(301, "checkout", seen(slo(pairs=FAST)))
    assert transitions(notified) == [("page", "reminded")]
    assert notified[0].episode.dedup_key == alerts.said[0].episode.dedup_key
    assert alerts.after(900, "checkout", seen(slo(pairs=FAST))) == []


def test_a_silence_about_others_holds_nothing() -> None:
    alerts = shard(PAGE)
    silence(alerts, 1, 3600, service="checkout", severity="ticket")
    assert alerts.see("checkout", seen(slo(pairs=FAST)))


def test_a_silence_that_is_expired_by_hand_ends_at_once() -> None:
    alerts = shard(PAGE)
    silence(alerts, 1, 3600, service="checkout")
    alerts.see("checkout", seen(slo(pairs=FAST)))
    silence(alerts, 2, 0, service="checkout")
    assert transitions(alerts.after(1, "checkout", seen(slo(pairs=FAST)))) == [("page", "firing")]


def test_an_episode_soon_after_another_waits_for_the_cooldown_and_then_is_notified() -> None:
    alerts = shard(PAGE)
    alerts.see("checkout", seen(slo(pairs=FAST)))
    assert transitions(alerts.after(60, "checkout", seen())) == [("page", "resolved")]
    assert alerts.after(60, "checkout", seen(slo(pairs=FAST))) == []
    assert alerts.after(779, "checkout", seen(slo(pairs=FAST))) == []
    assert alerts.open_episode("checkout", "page").held_back == 1
    assert transitions(alerts.after(1, "checkout", seen(slo(pairs=FAST)))) == [("page", "firing")]


def test_an_episode_that_nobody_was_notified_of_ends_without_a_word() -> None:
    alerts = shard(PAGE)
    alerts.see("checkout", seen(slo(pairs=FAST)))
    alerts.after(60, "checkout", seen())
    alerts.after(60, "checkout", seen(slo(pairs=FAST)))
    assert alerts.after(60, "checkout", seen()) == []
    assert alerts.episodes[2].state == "resolved"
    assert alerts.episodes[2].held_back == 1


def test_an_escalation_passes_the_cooldown() -> None:
    alerts = shard(BUDGET)
    assert transitions(alerts.see("checkout", seen(slo(left=0.4)))) == [("budget", "firing")]
    notified = alerts.after(1, "checkout", seen(slo(left=0.05)))
    assert [(s.transition, s.episode.severity, s.episode.version) for s in notified] == [
        ("escalated", "ticket", 2)
    ]
    assert alerts.after(1, "checkout", seen(slo(left=0.3))) == []  # milder again: the same episode


def test_a_new_episode_that_is_more_severe_than_the_last_one_passes_the_cooldown() -> None:
    alerts = shard(BUDGET)
    alerts.see("checkout", seen(slo(left=0.4)))
    alerts.after(1, "checkout", seen(slo(left=0.9)))
    assert alerts.after(1, "checkout", seen(slo(left=0.4))) == []
    assert transitions(alerts.after(1, "checkout", seen(slo(left=0.05)))) == [("budget", "firing")]


def test_the_cooldown_of_a_rule_and_service_is_not_that_of_another() -> None:
    alerts = shard(PAGE, BUDGET)
    alerts.see("checkout", seen(slo(pairs=FAST)))
    assert alerts.see("cart", seen(slo(pairs=FAST)))
    assert alerts.see("checkout", seen(slo(pairs=FAST, left=0.4)))


def test_an_acknowledged_episode_stays_quiet_until_it_resolves() -> None:
    alerts = shard(PAGE)
    alerts.see("checkout", seen(slo(pairs=FAST)))
    acknowledge(alerts, "checkout", "page", 5)
    assert alerts.after(1, "checkout", seen(slo(pairs=FAST))) == []
    taken = alerts.open_episode("checkout", "page")
    assert (taken.state, taken.acknowledged_by, taken.version) == ("acknowledged", "ines", 2)
    assert alerts.after(86_400, "checkout", seen(slo(pairs=FAST))) == []
    assert transitions(alerts.after(1, "checkout", seen())) == [("page", "resolved")]


def test_a_higher_severity_ends_an_acknowledgement() -> None:
    alerts = shard(BUDGET)
    alerts.see("checkout", seen(slo(left=0.4)))
    acknowledge(alerts, "checkout", "budget", 5)
    alerts.after(1, "checkout", seen(slo(left=0.4)))
    notified = alerts.after(1, "checkout", seen(slo(left=0.05)))
    assert transitions(notified) == [("budget", "escalated")]
    risen = alerts.open_episode("checkout", "budget")
    assert (risen.state, risen.acknowledged_by) == ("firing", None)


def test_an_acknowledgement_of_an_older_version_is_too_late_and_says_so() -> None:
    alerts = shard(BUDGET)
    alerts.see("checkout", seen(slo(left=0.4)))
    acknowledge(alerts, "checkout", "budget", 5, version=1)
    notified = alerts.after(1, "checkout", seen(slo(left=0.05)))
    assert transitions(notified) == [("budget", "escalated")]
    assert alerts.open_episode("checkout", "budget").state == "firing"
    assert kinds(alerts.history, 1)[-2:] == ["ack_too_late", "notified"]
    assert alerts.after(1, "checkout", seen(slo(left=0.05))) == []
    assert kinds(alerts.history, 1).count("ack_too_late") == 1


@pytest.mark.parametrize("status", [DataStatus.STALE, DataStatus.LAGGING, DataStatus.NO_TRAFFIC])
def test_what_cannot_be_known_neither_fires_nor_resolves(status: DataStatus) -> None:
    alerts = shard(PAGE)
    assert alerts.see("checkout", seen(slo(pairs=FAST, status=status), status=status)) == []
    alerts.after(1, "checkout", seen(slo(pairs=FAST)))
    assert alerts.after(1, "checkout", seen(slo(status=status), status=status)) == []
    assert alerts.open_episode("checkout", "page").state == "firing"


def test_a_second_objective_in_order_does_not_clear_one_that_cannot_be_read() -> None:
    alerts = shard(PAGE)
    other = slo(name="fast enough")
    alerts.see("checkout", seen(slo(pairs=FAST), other))
    unreadable = slo(status=DataStatus.NO_TRAFFIC)
    assert alerts.after(1, "checkout", seen(unreadable, other)) == []
    assert alerts.open_episode("checkout", "page").slo == unreadable.name
    assert transitions(alerts.after(1, "checkout", seen(slo(), other))) == [("page", "resolved")]


def test_a_rule_or_a_service_that_is_gone_ends_its_episodes() -> None:
    alerts = shard(PAGE, TICKET)
    alerts.see("checkout", seen(slo(pairs=FAST)))
    alerts.configuration.apply(_disabled(PAGE))
    assert transitions(alerts.after(1, "checkout", seen(slo(pairs=FAST)))) == [("page", "resolved")]
    alerts.see("cart", seen(slo(pairs=SLOW)))
    alerts.configuration.apply(ServiceChanged(8, 1, "cart", 1, "team", None, retired=True))
    assert transitions(alerts.after(1, "cart", seen(slo(pairs=SLOW)))) == [("ticket", "resolved")]


def _disabled(of: Rule) -> RuleChanged:
    disabled = rule(of.name, of.kind, [PAGE_LEVEL], enabled=False)
    return RuleChanged(7, of.name, rule_document(disabled), retired=False)


def test_a_rule_that_asks_for_evidence_is_not_moved_by_one_failure() -> None:
    alerts = shard(rule("page", "burn_rate", [PAGE_LEVEL], min_bad_events=10))
    assert alerts.see("checkout", seen(slo(pairs=(900.0, 0, 0, 0), bad=1))) == []
    assert alerts.after(1, "checkout", seen(slo(pairs=(900.0, 0, 0, 0), bad=10)))
    assert alerts.said[0].at == START + timedelta(seconds=1)
