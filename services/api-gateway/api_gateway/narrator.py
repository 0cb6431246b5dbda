"""Tells what is known in sentences: by template, or as a language model phrased it, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api_gateway.narrative.advice import Action
from api_gateway.narrative.checker import Sentence
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.template import Shape, write
from api_gateway.summary_schemas import (
    ActionAnswer,
    FactAnswer,
    NarrativeAnswer,
    SentenceAnswer,
)


@dataclass(frozen=True, slots=True)
class Story:
    """What is to be told: of whom, in which situation, and on which facts."""

    subject: str
    shape: Shape
    facts: Facts
    actions: Sequence[Action]
    worst: Sequence[str] = ()


class Narrator:
    """Tells stories."""

    async def tell(self, story: Story, now: datetime) -> NarrativeAnswer:
        """Return the story in sentences; there is always one."""
        sentences = write(story.shape, story.facts, story.actions, story.worst)
        return _answer(story, sentences, None, now)


def _answer(
    story: Story, sentences: Sequence[Sentence], model: str | None, now: datetime
) -> NarrativeAnswer:
    return NarrativeAnswer(
        narrative=" ".join(sentence.text for sentence in sentences),
        sentences=[SentenceAnswer(text=s.text, facts=[*s.facts]) for s in sentences],
        facts=[FactAnswer.of(fact) for fact in story.facts],
        recommended_actions=[ActionAnswer.of(action) for action in story.actions],
        source="template" if model is None else "model",
        model=model,
        generated_at=now,
    )
