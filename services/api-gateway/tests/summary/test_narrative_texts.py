"""What is said of services: every word is carried by a fact, and no edit of it passes."""

import os
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from api_gateway.narrative.checker import Marks, RefusedError, check
from api_gateway.narrative.facts import Known, known
from api_gateway.narrative.fleet_facts import known_fleet
from api_gateway.narrative.insights import insights
from api_gateway.narrative.subject import ServiceContext
from api_gateway.narrative.template import Shape, shape_of, write
from tests.support.burn_events import NOW
from tests.support.narratives import random_edit, random_subject
from tests.support.servers.effort import examples
from tests.support.simulated_snapshots import simulated_subjects

STATES = examples(int(os.environ.get("NARRATIVE_STATES", "2000")))
EDITS = 20


def text_of(subject: ServiceContext, about: Known) -> str:
    sentences = write(shape_of(subject.state), about.facts, about.actions)
    return " ".join(sentence.text for sentence in sentences)


def random_subjects(seed: int, count: int) -> Iterator[ServiceContext]:
    rng = random.Random(seed)
    for _ in range(count):
        yield random_subject(rng)


def assert_holds(text: str, about: Known, rng: random.Random) -> None:
    """The text passes; no edit of it does, nor do the figures stand but as facts have them."""
    marks = Marks(about.facts)
    sentences = check(text, marks)
    assert " ".join(sentence.text for sentence in sentences) == text
    assert all(sentence.facts for sentence in sentences)
    edits = [random_edit(rng, text) for _ in range(EDITS)]
    assert [edited for edited in edits if passes(edited, marks)] == []


def passes(text: str, marks: Marks) -> bool:
    try:
        check(text, marks)
    except RefusedError:
        return False
    return True


def assert_is_english(text: str) -> None:
    """No doubled words or signs, sentences begin with a capital and end, nouns fit their count."""
    assert re.search(r"\b(\w+) \1\b", text) is None, text
    assert not re.search(r"  |\.\.(?! )|,,|;;| [,.;:]|\(\)|None|nan|inf\b", text), text
    assert text[0].isupper()
    assert text.endswith(".")
    singular = r"(?<![\d.,])1 (?:minutes|hours|days|seconds|alerts|objectives|\w+ requests)\b"
    plural = r"(?<![\d.,])(?:0|[2-9]|\d\d+) (?:minute|hour|day|second|alert|objective)\b"
    assert not re.search(singular, text), text
    assert not re.search(plural, text), text


@pytest.mark.parametrize("seed", range(4))
def test_random_states_are_told_by_their_facts_alone(seed: int) -> None:
    rng = random.Random(1000 + seed)
    shapes: set[Shape] = set()
    for subject in random_subjects(seed, STATES // 4):
        about = known(subject, NOW)
        text = text_of(subject, about)
        assert_holds(text, about, rng)
        assert_is_english(text)
        shapes.add(shape_of(subject.state))
    assert shapes == {"no_data", "untrusted", "burning", "exhausted", "watch", "healthy"}


def test_every_scenario_of_the_simulator_is_told_by_its_facts_alone() -> None:
    rng = random.Random(5)
    shapes: set[Shape] = set()
    names: set[str] = set()
    for subject, now in simulated_subjects():
        about = known(subject, now)
        text = text_of(subject, about)
        assert_holds(text, about, rng)
        assert_is_english(text)
        shapes.add(shape_of(subject.state))
        names.add(subject.name)
    assert len(names) == 12
    assert {"burning", "healthy"} <= shapes


def test_the_same_facts_give_the_same_text() -> None:
    for one, other in zip(random_subjects(3, 50), random_subjects(3, 50), strict=True):
        assert text_of(one, known(one, NOW)) == text_of(other, known(other, NOW))


def test_each_recommendation_and_each_insight_names_facts_that_there_are() -> None:
    codes = set()
    for subject in random_subjects(11, 600):
        about = known(subject, NOW)
        for action in about.actions:
            assert action.facts
            assert set(action.facts) <= {fact.id for fact in about.facts}
            codes.add(action.code)
        for insight in insights(about.facts):
            assert insight.text.lower().startswith(about.facts[insight.fact].text[:8].lower())
    assert codes >= {
        "halt_releases", "consider_halting_releases", "roll_back", "review_change", "wait",
        "fix_reporting", "fix_processing", "fix_histograms", "monitor", "none",
    }  # fmt: skip


def test_insights_stand_gravest_first() -> None:
    order = {"critical": 0, "warning": 1, "info": 2}
    for subject in random_subjects(12, 100):
        found = [order[i.severity] for i in insights(known(subject, NOW).facts)]
        assert all(earlier <= later for earlier, later in pairwise(found))


def test_fleets_are_told_by_their_facts_alone() -> None:
    rng = random.Random(8)
    for size in [0, 1, 2, 3, 7, 40] * 10:
        subjects = [random_subject(rng) for _ in range(size)]
        about = known_fleet(subjects, NOW)
        sentences = write("fleet", about.facts, about.actions, about.worst)
        text = " ".join(sentence.text for sentence in sentences)
        assert_is_english(text)
        assert_holds(text, Known(about.facts, about.actions), rng)


def test_an_old_forecast_is_not_told() -> None:
    told = 0
    for subject in random_subjects(13, 100):
        facts = known(subject, NOW + timedelta(hours=3)).facts
        assert "exhaustion" not in facts
        told += "exhaustion" in known(subject, NOW).facts
    assert told
