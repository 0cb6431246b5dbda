"""What is said of services: every word is carried by a fact, and no edit of it passes."""

import dataclasses
import os
import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from api_gateway.narrative.checker import RefusedError
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.fleet_facts import fleet_input
from api_gateway.narrative.insights import insights
from api_gateway.narrative.narrative_input import NarrativeInput, Shape
from api_gateway.narrative.narrator import write
from api_gateway.narrative.service_context import ServiceContext
from common.events import Reason
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.burn_events import NOW
from tests.support.narratives import NAMES, check, random_context, simulated_contexts
from tests.support.servers.effort import examples

_UNITS = ("seconds", "minutes", "hours", "days", "requests", "times", "percent", "alerts")
_DIRECTIONS = (
    "rising", "falling", "steady", "left", "spent", "before", "after", "above", "below",
    "allowed", "blocked", "SAFE", "OBSERVE", "DANGER", "FREEZE", "low", "high", "medium",
    "exceeded", "worst", "best", "failed", "slow", "page", "ticket",
)  # fmt: skip
_UNIT_WORD = re.compile(
    r"%|\b(?:seconds?|minutes?|hours?|days?|requests?|UTC|alerts?|objectives?|services?)\b"
)
_NUMBER = re.compile(r"\d[\d.,:]*\d|\d")
_DIRECTION_WORD = re.compile(rf"\b(?:{'|'.join(_DIRECTIONS)})\b")
_NUMBER_WORDS = ("one", "two", "a dozen", "twice", "half", "ninety-nine per cent", "zero", "1e3")


def random_edit(rng: random.Random, text: str) -> str:
    """Return the text with one figure, unit, name or word of direction changed or put in."""
    edits: tuple[Callable[[random.Random, str], str], ...] = (_number, _unit, _name, _direction)
    while (edited := rng.choice(edits)(rng, text)) == text:
        pass
    return edited


def _put(rng: random.Random, text: str, found: list[re.Match[str]], instead: str) -> str:
    """Write `instead` for one of the places found, or before a word where there is none."""
    if found and rng.random() < 0.8:
        place = rng.choice(found)
        return text[: place.start()] + instead + text[place.end() :]
    at = rng.choice([m.start() for m in re.finditer(r"(?<= )\w", text)])
    return f"{text[:at]}{instead} {text[at:]}"


def _number(rng: random.Random, text: str) -> str:
    found = [*_NUMBER.finditer(text)]
    place = rng.choice(found) if found else None
    if place is None or rng.random() < 0.3:
        return _put(rng, text, found, rng.choice(_NUMBER_WORDS))
    digits = list(place.group())
    at = rng.choice([n for n, letter in enumerate(digits) if letter.isdigit()])
    digits[at] = rng.choice("0123456789")
    if rng.random() < 0.3:
        digits.insert(at, rng.choice("123456789"))
    return text[: place.start()] + "".join(digits) + text[place.end() :]


def _unit(rng: random.Random, text: str) -> str:
    return _put(rng, text, [*_UNIT_WORD.finditer(text)], rng.choice(_UNITS))


def _name(rng: random.Random, text: str) -> str:
    names = "|".join(map(re.escape, sorted(NAMES[:5], key=len, reverse=True)))
    found = [*re.finditer(rf"(?<![\w.-])(?:{names})(?![\w-])", text)]
    return _put(rng, text, found, rng.choice((*NAMES[:5], "inventory", "the payment team's API")))


def _direction(rng: random.Random, text: str) -> str:
    return _put(rng, text, [*_DIRECTION_WORD.finditer(text)], rng.choice(_DIRECTIONS))


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


def test_a_budget_that_is_spent_on_thin_evidence_is_no_reason_to_halt_releases() -> None:
    halted = dict.fromkeys((True, False), 0)
    for context in random_contexts(15, 600):
        state = context.state
        calm = state.risk_level is RiskLevel.SAFE and state.error_budget_remaining <= 0
        if not calm or context.release is None or state.data_status is not DataStatus.OK:
            continue
        for thin in halted:
            code = "thin_evidence" if thin else "within_budget"
            reason = Reason(code, "WARN", None, 1.0, 10.0, "text")
            release = dataclasses.replace(
                context.release, allowed=True, decision="WARN", reasons=(reason,)
            )
            given = of_service(dataclasses.replace(context, release=release), NOW)
            halted[thin] += "halt_releases" in {action.code for action in given.actions}
    assert halted[True] == 0
    assert halted[False] > 0


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


def test_a_forecast_that_does_not_know_yet_is_said_to_be_unknown() -> None:
    stated = 0
    for context in random_contexts(14, 300):
        given = of_service(context, NOW)
        if context.forecast is None or "trend" not in given.facts:
            continue
        slos = tuple(
            replace(slo, time_to_exhaustion_hours=None, forecast_status="catching_up")
            for slo in context.forecast.slos
        )
        unknown = dataclasses.replace(context, forecast=replace(context.forecast, slos=slos))
        given = of_service(unknown, NOW)
        assert not [n for n in ("trend", "confidence", "unblocked_at") if n in given.facts]
        if slos[0].error_budget_remaining > 0:
            stated += 1
            assert given.facts["exhaustion"].text.endswith("run out is not known yet")
            assert all(insight.facts != ["exhaustion"] for insight in insights(given.facts))
        text = text_of(given)
        assert "is not forecast to run out" not in text
        assert_is_english(text)
        assert_holds(text, given, random.Random(14))
    assert stated >= 5


def test_an_old_forecast_is_left_out() -> None:
    stated = 0
    for context in random_contexts(13, 100):
        facts = of_service(context, NOW + timedelta(hours=3)).facts
        assert "exhaustion" not in facts
        stated += "exhaustion" in of_service(context, NOW).facts
    assert stated
