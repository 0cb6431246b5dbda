"""What must hold whatever happens in whatever order, on one service and three rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.domain.episodes import AlertKey
from common.alerting.rules import SEVERITY_ORDER
from common.alerting.silences import Matcher
from common.events import AlertAcknowledged, SilenceChanged
from common.slo.vocabulary import DataStatus
from tests.support.alerts.in_memory import AlertShard, Said, rule, seen, shard, slo
from tests.support.servers.effort import examples

COOLDOWN_SECONDS = 600
PAGE = rule(
    "page",
    "burn_rate",
    [{"severity": "page", "long_windows_seconds": [3600]}],
    inhibits=["budget"],
    cooldown_seconds=COOLDOWN_SECONDS,
    resolve_ratio=0.5,
)
HELD = rule(
    "held",
    "burn_rate",
    [{"severity": "ticket", "long_windows_seconds": [86_400]}],
    for_seconds=60,
    resolve_for_seconds=60,
    cooldown_seconds=COOLDOWN_SECONDS,
)
BUDGET = rule(
    "budget",
    "budget_left",
    [
        {"severity": "info", "at_most_ratio": 0.5},
        {"severity": "ticket", "at_most_ratio": 0.25},
        {"severity": "ticket", "at_most_ratio": 0.1},
    ],
    cooldown_seconds=COOLDOWN_SECONDS,
)


@dataclass(frozen=True, slots=True)
class Step:
    """What is so after some seconds, and what somebody does before."""

    seconds: int
    fast: float
    slow: float
    left: float
    status: DataStatus
    action: str


STEPS = st.lists(
    st.builds(
        Step,
        seconds=st.sampled_from((1, 30, 61, 300, 601)),
        fast=st.sampled_from((0.0, 8.0, 20.0)),
        slow=st.sampled_from((0.0, 2.9, 4.0)),
        left=st.sampled_from((0.9, 0.4, 0.2, 0.05)),
        status=st.sampled_from((DataStatus.OK, DataStatus.OK, DataStatus.OK, DataStatus.STALE)),
        action=st.sampled_from(("", "", "", "silence", "expire", "acknowledge")),
    ),
    min_size=1,
    max_size=30,
)


def act(alerts: AlertShard, step: Step, revision: int) -> None:
    """Do what a user does."""
    matchers, until = (Matcher("service", "checkout"),), alerts.now
    if step.action == "silence":
        until += timedelta(days=1)
    if step.action in {"silence", "expire"}:
        changed = SilenceChanged(revision, 1, matchers, alerts.now, until, "ines", "works")
        alerts.configuration.apply(changed)
    elif step.action == "acknowledge":
        for episode in alerts.states["checkout"].episodes.values() if alerts.states else ():
            acknowledgement = AlertAcknowledged(
                revision, episode.id, "checkout", episode.version, "ines", "mine", alerts.now
            )
            alerts.configuration.apply(acknowledgement)


def played(steps: list[Step]) -> AlertShard:
    """Return the shard after all steps, with the invariants of each instant held to."""
    alerts = shard(PAGE, HELD, BUDGET)
    for revision, step in enumerate(steps, 1):
        act(alerts, step, revision)
        pairs = (step.fast, 0.0, step.slow, 0.0)
        known = seen(slo(pairs=pairs, left=step.left, status=step.status), status=step.status)
        before = dict(alerts.states["checkout"].episodes) if alerts.states else {}
        said = alerts.after(step.seconds, "checkout", known)
        check_instant(alerts, before, said, step)
    return alerts


def check_instant(
    alerts: AlertShard, before: Mapping[AlertKey, object], said: list[Said], step: Step
) -> None:
    if step.status is not DataStatus.OK:  # what is not known changes no episode by itself
        assert set(alerts.states["checkout"].episodes) == set(before)
    quiet = any(s.ends_at > alerts.now for s in alerts.configuration.silences.values())
    for one in said:
        assert not (quiet and one.transition in {"firing", "escalated", "reminded"})
        if one.episode.rule == "budget" and one.transition != "resolved":
            assert not alerts.open_episodes("checkout", "page")
    # again at the same instant nothing is left to say
    assert alerts.last is not None
    once_more = seen(
        slo(pairs=(step.fast, 0.0, step.slow, 0.0), left=step.left, status=step.status),
        status=step.status,
    )
    assert alerts.see("checkout", once_more) == []


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_whatever_happens_nobody_is_notified_twice_nor_left_in_the_dark(steps: list[Step]) -> None:
    alerts = played(steps)
    for episode in alerts.episodes.values():
        notified = [s for s in alerts.said if s.episode.dedup_key == episode.dedup_key]
        kinds = [s.transition for s in notified]
        assert kinds.count("firing") == (1 if notified else 0)
        assert not notified or kinds[0] == "firing"
        # an end is notified once, last, and only after a firing was
        assert kinds.count("resolved") == (1 if notified and not episode.is_open else 0)
        assert "resolved" not in kinds[:-1]
        severities = [SEVERITY_ORDER[s.episode.severity] for s in notified]
        assert severities == sorted(severities)
        versions = [s.episode.version for s in notified]
        assert versions == sorted(versions)
        assert episode.notices == sum(k in {"firing", "escalated", "reminded"} for k in kinds)


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_two_firings_of_a_rule_are_a_cooldown_apart_unless_the_second_is_more_severe(
    steps: list[Step],
) -> None:
    alerts = played(steps)
    for name in ("page", "held", "budget"):
        notified = [s for s in alerts.said if s.episode.rule == name and s.transition != "resolved"]
        for first, second in pairwise(notified):
            if second.transition == "firing":
                apart = second.at - first.at >= timedelta(seconds=COOLDOWN_SECONDS)
                assert apart or second.episode.level > first.episode.level


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_histories_agree_with_versions_and_ends(steps: list[Step]) -> None:
    alerts = played(steps)
    for number, episode in alerts.episodes.items():
        lines = alerts.history[number]
        risen = [x for x in lines if x.kind in {"firing", "escalated", "acknowledged", "resolved"}]
        assert [x.version for x in risen] == list(range(1, episode.version + 1))
        assert [x.at for x in lines] == sorted(x.at for x in lines)
        assert (lines[-1].kind == "resolved") == (not episode.is_open)
        assert episode.held_back == sum(x.kind == "held_back" for x in lines)
        assert (episode.state == "acknowledged") == (
            episode.is_open and episode.acknowledged_by is not None
        )
