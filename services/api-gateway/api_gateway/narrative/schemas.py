"""What a narrative says over HTTP: sentences, and the facts that they rest on."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from api_gateway.http.types import Instant
from api_gateway.narrative.advice import Action
from api_gateway.narrative.fact import Fact, Value
from api_gateway.narrative.insights import Insight, InsightSeverity

Source = Literal["template", "model"]


class FactAnswer(BaseModel):
    """A claim that stands on its own; `text` is how it stands in every text, figures included."""

    id: str
    name: str
    value: Value = Field(description="The figure as it is written")
    unit: str | None
    text: str

    @classmethod
    def of(cls, fact: Fact) -> Self:
        """Return the answer for a fact."""
        return cls(id=fact.id, name=fact.name, value=fact.value, unit=fact.unit, text=fact.text)


class SentenceAnswer(BaseModel):
    """A sentence of the narrative and the ids of the facts that it rests on."""

    text: str
    facts: list[str]


class InsightAnswer(BaseModel):
    """What deserves attention."""

    severity: InsightSeverity
    text: str
    facts: list[str]

    @classmethod
    def of(cls, insight: Insight) -> Self:
        """Return the answer for an insight."""
        return cls(severity=insight.severity, text=insight.text, facts=[insight.fact])


class ActionAnswer(BaseModel):
    """What to do, and the ids of the facts that led to it."""

    code: str
    text: str
    facts: list[str]

    @classmethod
    def of(cls, action: Action) -> Self:
        """Return the answer for an action."""
        text = f"{action.text[:1].upper()}{action.text[1:]}."
        return cls(code=action.code, text=text, facts=[*action.facts])


class NarrativeAnswer(BaseModel):
    """A text of which every figure, name and judgement stands in one of the facts."""

    narrative: str
    sentences: list[SentenceAnswer]
    facts: list[FactAnswer]
    recommended_actions: list[ActionAnswer]
    source: Source = Field(
        description="Who put the facts into sentences: fixed templates, or a language model"
    )
    model: str | None = Field(description="The language model, where one did")
    generated_at: Instant
