"""What is said of services: every word is carried by a fact, and no edit of it passes."""

import os
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from api_gateway.narrative.checker import RefusedError
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.fleet_facts import fleet_input
from api_gateway.narrative.insights import insights
from api_gateway.narrative.narrative_input import NarrativeInput, Shape
from api_gateway.narrative.narrator import write
from api_gateway.narrative.service_context import ServiceContext
from tests.support.burn_events import NOW
from tests.support.narratives import check, random_context, random_edit
from tests.support.servers.effort import examples
from tests.support.simulated_snapshots import simulated_contexts

STATES = examples(int(os.environ.get("NARRATIVE_STATES", "2000")))
EDITS = 20

of_service = NarrativeInput.of_service


def text_of(given: NarrativeInput) -> str:
    return " ".join(sentence.text for sentence in write(given))


def random_contexts(seed: int, count: int) -> Iterator[ServiceContext]:
    rng = random.Random(seed)
    for _ in range(count):
        yield random_context(rng)


def assert_holds(text: str, given: NarrativeInput, rng: random.Random) -> None:
    """The text passes; no edit of it does, nor do the figures stand but as facts have them."""
    sentences = check(text, given.facts)
    assert " ".join(sentence.text for sentence in sentences) == text
    assert all(sentence.facts for sentence in sentences)
    edits = [random_edit(rng, text) for _ in range(EDITS)]
    assert [edited for edited in edits if passes(edited, given.facts)] == []


def passes(text: str, facts: Facts) -> bool:
    try:
        check(text, facts)
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
def test_random_states_rest_on_their_facts_alone(seed: int) -> None:
    rng = random.Random(1000 + seed)
    shapes: set[Shape] = set()
    for context in random_contexts(seed, STATES // 4):
        given = of_service(context, NOW)
        text = text_of(given)
        assert_holds(text, given, rng)
        assert_is_english(text)
        shapes.add(given.shape)
    assert shapes == {"no_data", "untrusted", "burning", "exhausted", "watch", "healthy"}


def test_every_scenario_of_the_simulator_rests_on_its_facts_alone() -> None:
    rng = random.Random(5)
    shapes: set[Shape] = set()
    names: set[str] = set()
    for context, now in simulated_contexts():
        given = of_service(context, now)
        text = text_of(given)
        assert_holds(text, given, rng)
        assert_is_english(text)
        shapes.add(given.shape)
        names.add(context.name)
    assert len(names) == 12
    assert {"burning", "healthy"} <= shapes


def test_the_same_facts_give_the_same_text() -> None:
    for one, other in zip(random_contexts(3, 50), random_contexts(3, 50), strict=True):
        assert text_of(of_service(one, NOW)) == text_of(of_service(other, NOW))


def test_each_recommendation_and_each_insight_names_facts_that_there_are() -> None:
    codes = set()
    for context in random_contexts(11, 600):
        given = of_service(context, NOW)
        for action in given.actions:
            assert action.facts
            assert set(action.facts) <= {fact.id for fact in given.facts}
            codes.add(action.code)
        for insight in insights(given.facts):
            assert insight.text.lower().startswith(given.facts[insight.facts[0]].text[:8].lower())
    assert codes >= {
        "halt_releases", "consider_halting_releases", "roll_back", "review_change", "wait",
        "fix_reporting", "fix_processing", "fix_histograms", "monitor", "none",
    }  # fmt: skip


def test_insights_stand_most_severe_first() -> None:
    order = {"critical": 0, "warning": 1, "info": 2}
    for context in random_contexts(12, 100):
        found = [order[i.severity] for i in insights(of_service(context, NOW).facts)]
        assert all(earlier <= later for earlier, later in pairwise(found))


def test_fleets_rest_on_their_facts_alone() -> None:
    rng = random.Random(8)
    for size in [0, 1, 2, 3, 7, 40] * 10:
        contexts = [random_context(rng) for _ in range(size)]
        given = fleet_input(contexts, NOW)
        text = text_of(given)
        assert_is_english(text)
        assert_holds(text, given, rng)


def test_an_old_forecast_is_left_out() -> None:
    stated = 0
    for context in random_contexts(13, 100):
        facts = of_service(context, NOW + timedelta(hours=3)).facts
        assert "exhaustion" not in facts
        stated += "exhaustion" in of_service(context, NOW).facts
    assert stated
