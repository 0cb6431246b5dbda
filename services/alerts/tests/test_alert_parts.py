"""Readings by kind, grouping, configuration, and what comes by topics."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import ServiceState
from alerts.domain.invalid_count_reports import REMEMBERED, InvalidCountReports
from alerts.domain.notifications import (
    BURST_GROUP,
    BURST_SERVICES,
    MAX_ALERTS,
    Notification,
    group,
)
from alerts.domain.shard_state import ShardState
from alerts.handlers import TEST_MAX_AGE, configuration_handler, dead_letter_handler
from common.alerting.channels import CHANNEL_KINDS
from common.alerting.default_rules import default_rules
from common.alerting.rules import Rule, rule_document
from common.decisions.readings import Inputs, read
from common.events import (
    ChannelChanged,
    ChannelTestRequested,
    DeadLetter,
    RuleChanged,
    ServiceChanged,
    ShardHeartbeat,
    encode,
)
from common.kafka.topics import CATALOG, COMMANDS, METRICS_DEAD, RULES
from common.slo.freshness import FORECAST_HOLDS
from common.slo.vocabulary import DataStatus
from tests.support.alerts.in_memory import START, forecast, rule, seen, shard, slo, snapshot
from tests.support.kafka_records import record

PAGE = rule("page", "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}])
FREEZE = rule("freeze", "risk_level", [{"severity": "ticket", "at_least_level": "FREEZE"}])
HALF = rule("half", "budget_left", [{"severity": "ticket", "at_most_ratio": 0.5}])
SOON = rule("soon", "exhaustion", [{"severity": "ticket", "within_hours": 24}])
STALE = rule("stale", "data_stale", [{"severity": "ticket", "statuses": ["stale", "lagging"]}])
CONSTANT = rule("constant", "constant_burn", [{"severity": "info", "at_least_burn_rate": 0.5}])
ABSURD = rule("absurd", "good_over_total", [{"severity": "info", "at_least_events": 2}])


CATCHING_UP = forecast(None, forecast_status="catching_up")


@pytest.mark.parametrize(
    ("rule", "inputs", "expected"),
    [
        (FREEZE, seen(slo(composite=2.5)), (True, False)),
        (FREEZE, seen(slo(composite=1.9)), (False, False)),
        (FREEZE, seen(slo(composite=1.7)), (False, True)),
        (HALF, seen(slo(left=0.5)), (True, False)),
        (HALF, seen(slo(left=0.505)), (False, False)),
        (HALF, seen(slo(left=0.52)), (False, True)),
        (HALF, seen(slo(left=-3.0)), (True, False)),
        (SOON, seen(forecast=forecast(24.0)), (True, False)),
        (SOON, seen(forecast=forecast(25.0)), (False, False)),
        (SOON, seen(forecast=forecast(30.0)), (False, True)),
        (SOON, seen(forecast=forecast(None)), (False, True)),
        (SOON, seen(forecast=forecast(3.0, confidence_level="low")), (False, False)),
        (SOON, seen(forecast=forecast(0.0, error_budget_remaining=-0.1)), (False, True)),
        (STALE, seen(slo(), status=DataStatus.STALE), (True, False)),
        (STALE, seen(slo(), status=DataStatus.NO_TRAFFIC), (False, True)),
        (STALE, seen(slo(), silent=True), (True, False)),
        (CONSTANT, seen(slo(rates=(1.0, 1.01, 1.02))), (True, False)),
        (CONSTANT, seen(slo(rates=(1.0, 1.2, 1.0))), (False, True)),
        (CONSTANT, seen(slo(rates=(0.3, 0.3, 0.3))), (False, True)),
        (ABSURD, seen(invalid_counts=2), (True, False)),
        (ABSURD, seen(invalid_counts=1), (False, False)),
        (ABSURD, seen(), (False, True)),
    ],
)
def test_what_a_rule_reads(rule: Rule, inputs: Inputs, expected: tuple[bool, bool]) -> None:
    [readings] = read(rule, inputs).values()
    assert (readings[0].met, readings[0].cleared) == expected


@pytest.mark.parametrize(
    ("rule", "inputs"),
    [
        (PAGE, seen(slo(status=DataStatus.NO_TRAFFIC))),
        (PAGE, Inputs(None)),
        (PAGE, seen(silent=True)),
        (SOON, seen()),
        (SOON, seen(forecast=forecast(1.0, data_status=DataStatus.STALE))),
        (SOON, seen(forecast=CATCHING_UP)),
    ],
)
def test_of_what_is_not_known_nothing_is_read(rule: Rule, inputs: Inputs) -> None:
    assert read(rule, inputs) == {}


def test_a_pair_that_cannot_be_reached_is_not_met() -> None:
    bare = snapshot(slo())
    shot = Inputs(replace_slos(bare, burn_pairs=()))
    [readings] = read(PAGE, shot).values()
    assert not readings[0].met
    assert readings[0].cleared


def replace_slos(shot: Any, **fields: Any) -> Any:
    slos = tuple(msgspec.structs.replace(s, **fields) for s in shot.slos)
    return msgspec.structs.replace(shot, slos=slos)


@pytest.mark.parametrize("name", sorted(default_rules()))
def test_every_default_rule_has_a_sentence_with_its_figures(name: str) -> None:
    found = replace(
        seen(
            slo(pairs=(20.0, 20.0, 20.0, 20.0), composite=9.0, left=-0.2, rates=(9.0, 9.0, 9.0)),
            forecast=forecast(3.0),
        ),
        invalid_counts=3,
    )
    if name == "data-stale":
        found = seen(slo(), silent=True)
    alerts = shard(rule_at_once(default_rules()[name]))
    alerts.see("checkout", found)
    (episode,) = alerts.episodes.values()
    assert episode.message.startswith("checkout ")
    assert episode.annotations["description"]
    assert episode.labels["alertname"] == name


def test_when_a_budget_ends_is_said_while_there_is_one() -> None:
    for left, said in ((0.2, True), (-0.2, False)):
        alerts = shard(rule_at_once(default_rules()["burn-rate-page"]))
        ahead = forecast(3.0, error_budget_remaining=left)
        alerts.see("checkout", seen(slo(pairs=(20.0, 0, 0, 0), left=left), forecast=ahead))
        (episode,) = alerts.episodes.values()
        assert ("exhausts_at" in episode.annotations) is said


def rule_at_once(given: Rule) -> Rule:
    return msgspec.structs.replace(given, for_seconds=0)


def pending(services: int, channel: str = "hook") -> list[Any]:
    alerts = shard(
        rule("page", "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}])
    )
    for number in range(services):
        alerts.see(f"s{number}", seen(slo(pairs=(20.0, 0, 0, 0))))
    return [(episode, "firing", (channel,)) for episode in alerts.episodes.values()]


def grouped(services: int, kind: str) -> list[Notification]:
    return group(pending(services), lambda _: CHANNEL_KINDS[kind])


def test_alerts_of_a_service_go_out_together_and_apart_from_others() -> None:
    notifications = grouped(3, "webhook")
    assert [(n.group_key, len(n.alerts)) for n in notifications] == [
        ("s0", 1),
        ("s1", 1),
        ("s2", 1),
    ]
    (both,) = group([pending(1)[0], pending(1)[0]], lambda _: CHANNEL_KINDS["webhook"])
    assert len(both.alerts) == 2
    assert both.group_labels == {"service": "s0"}


def test_a_burst_is_grouped_by_channel_in_bounded_notifications() -> None:
    notifications = grouped(1000, "webhook")
    assert {n.group_key for n in notifications} == {BURST_GROUP}
    assert [len(n.alerts) for n in notifications] == [MAX_ALERTS] * 5
    assert len({i for n in notifications for i in n.episode_ids}) == 1000
    assert len(grouped(BURST_SERVICES - 1, "webhook")) == BURST_SERVICES - 1


def test_a_channel_that_takes_alerts_one_by_one_gets_them_so() -> None:
    assert [len(n.alerts) for n in grouped(30, "pagerduty")] == [1] * 30


def test_the_same_decision_has_the_same_key_and_another_one_another() -> None:
    first, again = grouped(2, "webhook"), grouped(2, "webhook")
    assert [n.notice_key for n in first] == [n.notice_key for n in again]
    assert len({n.notice_key for n in first}) == 2
    (episode, _, channels) = pending(1)[0]
    keys = {
        group([(episode, why, channels)], lambda _: None)[0].notice_key
        for why in ("firing", "reminded", "resolved")
    }
    assert len(keys) == 3


def test_the_newest_revision_of_a_rule_holds_and_a_default_comes_back() -> None:
    configuration = AlertConfiguration({"page": PAGE})
    other = {**rule_document(PAGE), "enabled": False}
    configuration.apply(RuleChanged(5, "page", other, retired=False))
    configuration.apply(RuleChanged(4, "page", rule_document(PAGE), retired=False))
    assert configuration.rules_for("checkout") == ()
    configuration.apply(RuleChanged(6, "page", other, retired=True))
    assert configuration.rules_for("checkout") == (PAGE,)


def test_a_retired_service_is_not_watched_and_an_undeclared_one_is() -> None:
    configuration = AlertConfiguration({"page": PAGE})
    assert configuration.rules_for("checkout") == (PAGE,)
    configuration.apply(ServiceChanged(1, 1, "checkout", 1, "team", None, retired=True))
    assert configuration.rules_for("checkout") == ()


def test_what_has_no_channel_left_goes_to_the_simulated_one() -> None:
    configuration = AlertConfiguration({})
    hooked = rule("page", "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}],
                  channels=["hook", "simulated"])  # fmt: skip
    assert configuration.channels_for(hooked) == ("simulated",)
    configuration.apply(ChannelChanged(1, 2, "hook", "webhook", enabled=True, retired=False))
    assert configuration.channels_for(hooked) == ("hook", "simulated")
    configuration.apply(ChannelChanged(2, 2, "hook", "webhook", enabled=False, retired=False))
    only = rule("page", "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}],
                channels=["hook"])  # fmt: skip
    assert configuration.channels_for(only) == ("simulated",)


def test_a_shard_is_due_when_something_has_changed_and_not_otherwise() -> None:
    state = ShardState({})
    silence = timedelta(seconds=30)
    assert state.is_silent(START, silence), "nobody was ever heard"
    state.observe(snapshot(slo()))
    assert not state.is_silent(START + silence - timedelta(microseconds=1), silence)
    assert state.due(0, silent=False) == {"checkout"}
    state.done(["checkout"])
    state.observe(snapshot(slo()))  # the same again
    assert state.due(0, silent=False) == set()
    assert state.due(1, silent=False) == {"checkout"}  # rules have changed
    state.done(["checkout"])
    assert state.is_silent(START + silence, silence)
    assert state.due(1, silent=True) == {"checkout"}
    state.observe(ShardHeartbeat(0, 1, START + timedelta(seconds=31), START, 1))
    assert not state.is_silent(START + timedelta(seconds=32), silence)


def test_what_is_known_of_a_shard_that_was_never_heard_of_is_out_of_date() -> None:
    state = ShardState({"checkout": ServiceState()})
    silent = state.is_silent(START, timedelta(seconds=30))
    assert state.due(0, silent=silent) == {"checkout"}
    found = state.inputs("checkout", START, silent=silent, invalid_counts=0)
    assert found.status is DataStatus.LAGGING


def test_a_forecast_that_is_not_made_anew_is_forgotten() -> None:
    state = ShardState({})
    state.observe(forecast(3.0))
    kept = state.inputs("checkout", START + FORECAST_HOLDS, silent=False, invalid_counts=0)
    assert kept.forecast is not None
    late = START + FORECAST_HOLDS + timedelta(seconds=1)
    assert state.inputs("checkout", late, silent=False, invalid_counts=0).forecast is None


class ChannelTester:
    """Takes delivery's place."""

    def __init__(self) -> None:
        self.tested: list[str] = []

    async def test(self, request: ChannelTestRequested) -> None:
        self.tested.append(request.channel)


async def test_no_record_stops_the_reading_of_the_configuration() -> None:
    configuration, tester = AlertConfiguration({"page": PAGE}), ChannelTester()
    handle = configuration_handler(configuration, tester.test, lambda: START)
    wrong = RuleChanged(1, "page", {"name": "page"}, retired=False)
    fresh, old = (
        ChannelTestRequested("id", name, "ines", START - age)
        for name, age in (("hook", TEST_MAX_AGE), ("late", TEST_MAX_AGE + timedelta(seconds=1)))
    )
    await handle(
        [
            record(RULES.name, b"{"),
            record(RULES.name, None),
            record(RULES.name, encode(wrong)),
            record(CATALOG.name, b"[" * 100_000),
            record(COMMANDS.name, encode(fresh)),
            record(COMMANDS.name, encode(old)),
            record(CATALOG.name, encode(ServiceChanged(1, 1, "cart", 1, "t", None, retired=True))),
        ]
    )
    assert configuration.rules_for("checkout") == (
        PAGE,
    )  # the one that cannot be used changes nothing
    assert configuration.rules_for("cart") == ()
    assert tester.tested == ["hook"]


def dead_letter(code: str, value: bytes, age: timedelta = timedelta()) -> bytes:
    at = START - age
    encoded = b64encode(value).decode()
    return encode(
        DeadLetter(code, "bad", "", "slo.metrics.v1", 0, 1, at, None, encoded, len(value))
    )


async def test_reports_that_cannot_be_are_counted_for_a_while() -> None:
    invalid_counts = InvalidCountReports()
    handle = dead_letter_handler(invalid_counts, lambda: START)
    good = b'{"service": "checkout"}'
    await handle(
        [
            record(METRICS_DEAD.name, dead_letter("bad_exceeds_total", good)),
            record(
                METRICS_DEAD.name, dead_letter("good_exceeds_total", good, timedelta(minutes=9))
            ),
            record(METRICS_DEAD.name, dead_letter("bad_exceeds_total", good, REMEMBERED)),
            record(METRICS_DEAD.name, dead_letter("invalid_count", good)),
            record(METRICS_DEAD.name, dead_letter("bad_exceeds_total", b'{"service": 3}')),
            record(METRICS_DEAD.name, dead_letter("bad_exceeds_total", b"no json")),
            record(METRICS_DEAD.name, b"no dead letter"),
        ]
    )
    assert invalid_counts.services(START) == ["checkout"]
    assert invalid_counts.count("checkout", START) == 2
    assert invalid_counts.count("checkout", START + timedelta(minutes=5)) == 1
    assert invalid_counts.services(START + REMEMBERED) == []
