"""Writes narratives: by template, or as a language model phrased them, checked."""

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, Template

from api_gateway.narrative.checker import Sentence, Tokens, check_tokenised
from api_gateway.narrative.narrative_input import NarrativeInput, Shape
from api_gateway.narrative.phraser import Phraser
from api_gateway.narrative.schemas import ActionAnswer, FactAnswer, NarrativeAnswer, SentenceAnswer


class Narrator:
    """Writes narratives; a phraser may put facts better than a template does, never otherwise."""

    def __init__(self, phraser: Phraser | None = None) -> None:
        self._phraser = phraser

    async def narrate(self, given: NarrativeInput, now: datetime) -> NarrativeAnswer:
        """Return the narrative; without a phrased one that holds, that of the template."""
        phrased = await self._phraser.phrase(given) if self._phraser is not None else None
        sentences = phrased or write(given)
        return NarrativeAnswer(
            narrative=" ".join(sentence.text for sentence in sentences),
            sentences=[SentenceAnswer.model_validate(sentence) for sentence in sentences],
            facts=[FactAnswer.model_validate(fact) for fact in given.facts],
            recommended_actions=[ActionAnswer.of(action) for action in given.actions],
            source="model" if phrased else "template",
            model=self._phraser.model_name if self._phraser is not None and phrased else None,
            generated_at=now,
        )

    async def close(self) -> None:
        """Cancel what is being phrased."""
        if self._phraser is not None:
            await self._phraser.close()


def write(given: NarrativeInput) -> tuple[Sentence, ...]:
    """Return sentences from the template of the situation, checked; the same for the same input."""
    tokens = Tokens(given.facts)
    tokenised = _template(given.shape).render(
        f={fact.id: tokens.token(fact.id) for fact in given.facts},
        actions=[tokens.token(action.fact().id) for action in given.actions],
        nothing=[action.code for action in given.actions] == ["none"],
        worst=[tokens.token(fact_id) for fact_id in given.worst],
    )
    return check_tokenised(" ".join(line for line in tokenised.splitlines() if line), tokens)


@cache
def _template(shape: Shape) -> Template:
    # plain text, made of tokens and of the templates' own words: there is nothing to escape
    loader = PackageLoader("api_gateway.narrative")
    environment = Environment(loader=loader, trim_blocks=True, autoescape=False)  # noqa: S701
    return environment.get_template(f"{shape}.j2")
