"""Tells what is known in sentences: by template, or as a language model phrased it, checked."""

from collections.abc import Sequence
from datetime import datetime

from api_gateway.narrative.checker import Sentence
from api_gateway.narrative.narrative_input import NarrativeInput
from api_gateway.narrative.phraser import Phraser
from api_gateway.narrative.schemas import (
    ActionAnswer,
    FactAnswer,
    NarrativeAnswer,
    SentenceAnswer,
)
from api_gateway.narrative.template import write


class Narrator:
    """Tells stories; a phraser may put them better than a template does, never otherwise."""

    def __init__(self, phraser: Phraser | None = None) -> None:
        self._phraser = phraser

    async def tell(self, story: NarrativeInput, now: datetime) -> NarrativeAnswer:
        """Return the story in sentences; there always are some."""
        if self._phraser is not None:
            phrased = await self._phraser.phrase(story)
            if phrased is not None:
                return _answer(story, phrased, self._phraser.model_name, now)
        sentences = write(story.shape, story.facts, story.actions, story.worst)
        return _answer(story, sentences, None, now)

    async def close(self) -> None:
        """Give up what is being phrased."""
        if self._phraser is not None:
            await self._phraser.close()


def _answer(
    story: NarrativeInput, sentences: Sequence[Sentence], model: str | None, now: datetime
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
