"""What must hold whatever happens in whatever order, on one service and three rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

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
    deed: str


STEPS = st.lists(
    st.builds(
        Step,
        seconds=st.sampled_from((1, 30, 61, 300, 601)),
        fast=st.sampled_from((0.0, 8.0, 20.0)),
        slow=st.sampled_from((0.0, 2.9, 4.0)),
        left=st.sampled_from((0.9, 0.4, 0.2, 0.05)),
        status=st.sampled_from((DataStatus.OK, DataStatus.OK, DataStatus.OK, DataStatus.STALE)),
        deed=st.sampled_from(("", "", "", "silence", "expire", "acknowledge")),
    ),
    min_size=1,
    max_size=30,
)


def act(room: AlertShard, step: Step, revision: int) -> None:
    """Do what a user does."""
    matchers, until = (Matcher("service", "checkout"),), room.now
    if step.deed == "silence":
        until += timedelta(days=1)
    if step.deed in {"silence", "expire"}:
        changed = SilenceChanged(revision, 1, matchers, room.now, until, "ines", "works")
        room.configuration.apply(changed)
    elif step.deed == "acknowledge":
        for episode in room.states["checkout"].episodes.values() if room.states else ():
            acknowledgement = AlertAcknowledged(
                revision, episode.id, "checkout", episode.version, "ines", "mine", room.now
            )
            room.configuration.apply(acknowledgement)


def played(steps: list[Step]) -> AlertShard:
    """Return the shard after all steps, with the invariants of each instant held to."""
    room = shard(PAGE, HELD, BUDGET)
    for revision, step in enumerate(steps, 1):
        act(room, step, revision)
        pairs = (step.fast, 0.0, step.slow, 0.0)
        known = seen(slo(pairs=pairs, left=step.left, status=step.status), status=step.status)
        before = dict(room.states["checkout"].episodes) if room.states else {}
        said = room.after(step.seconds, "checkout", known)
        check_instant(room, before, said, step)
    return room


def check_instant(
    room: AlertShard, before: Mapping[str, object], said: list[Said], step: Step
) -> None:
    if step.status is not DataStatus.OK:  # what is not known changes no episode by itself
        assert set(room.states["checkout"].episodes) == set(before)
    quiet = any(s.ends_at > room.now for s in room.configuration.silences.values())
    for one in said:
        assert not (quiet and one.transition in {"firing", "escalated", "reminded"})
        if one.rule == "budget" and one.transition != "resolved":
            assert "page" not in room.states["checkout"].episodes
    # again at the same instant nothing is left to say
    assert room.last is not None
    once_more = seen(
        slo(pairs=(step.fast, 0.0, step.slow, 0.0), left=step.left, status=step.status),
        status=step.status,
    )
    assert room.see("checkout", once_more) == []


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_whatever_happens_nobody_is_told_twice_nor_left_in_the_dark(steps: list[Step]) -> None:
    room = played(steps)
    for episode in room.episodes.values():
        told = [s for s in room.said if s.dedup_key == episode.dedup_key]
        kinds = [s.transition for s in told]
        assert kinds.count("firing") == (1 if told else 0)
        assert not told or kinds[0] == "firing"
        # an end is told once, last, and only where somebody had been told
        assert kinds.count("resolved") == (1 if told and not episode.is_open else 0)
        assert "resolved" not in kinds[:-1]
        gravity = [SEVERITY_ORDER[s.severity] for s in told]
        assert gravity == sorted(gravity)
        versions = [s.version for s in told]
        assert versions == sorted(versions)
        assert episode.notices == sum(k in {"firing", "escalated", "reminded"} for k in kinds)


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_two_firings_of_a_rule_are_a_cooldown_apart_unless_the_second_is_graver(
    steps: list[Step],
) -> None:
    room = played(steps)
    for name in ("page", "held", "budget"):
        told = [s for s in room.said if s.rule == name and s.transition != "resolved"]
        for first, second in pairwise(told):
            if second.transition == "firing":
                apart = second.at - first.at >= timedelta(seconds=COOLDOWN_SECONDS)
                assert apart or second.level > first.level


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_histories_agree_with_versions_and_ends(steps: list[Step]) -> None:
    room = played(steps)
    for number, episode in room.episodes.items():
        lines = room.history[number]
        risen = [x for x in lines if x.kind in {"firing", "escalated", "acknowledged", "resolved"}]
        assert [x.version for x in risen] == list(range(1, episode.version + 1))
        assert [x.at for x in lines] == sorted(x.at for x in lines)
        assert (lines[-1].kind == "resolved") == (not episode.is_open)
        assert episode.held_back == sum(x.kind == "held_back" for x in lines)
        assert (episode.state == "acknowledged") == (
            episode.is_open and episode.acknowledged_by is not None
        )
