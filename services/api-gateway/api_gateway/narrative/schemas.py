"""What a narrative says over HTTP: sentences, and the facts that they rest on."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from api_gateway.http.types import Answer, Instant
from api_gateway.narrative.advice import Action
from api_gateway.narrative.fact import Value, sentence

Source = Literal["template", "model"]
InsightSeverity = Literal["critical", "warning", "info"]


class FactAnswer(Answer):
    """A claim that stands on its own; `text` is how it stands in every text, figures included."""

    id: str
    name: str
    value: Value = Field(description="The figure as it is written")
    unit: str | None
    text: str


class SentenceAnswer(Answer):
    """A sentence of the narrative and the ids of the facts that it rests on."""

    text: str
    facts: list[str]


class InsightAnswer(BaseModel):
    """What deserves attention."""

    severity: InsightSeverity
    text: str
    facts: list[str]


class ActionAnswer(BaseModel):
    """What to do, and the ids of the facts that led to it."""

    code: str
    text: str
    facts: list[str]

    @classmethod
    def of(cls, action: Action) -> Self:
        """Return the answer for an action."""
        return cls(code=action.code, text=sentence(action.text), facts=[*action.facts])


class NarrativeAnswer(BaseModel):
    """A text of which every figure, name and rating stands in one of the facts."""

    narrative: str
    sentences: list[SentenceAnswer]
    facts: list[FactAnswer]
    recommended_actions: list[ActionAnswer]
    source: Source = Field(
        description="Who put the facts into sentences: fixed templates, or a language model"
    )
    model: str | None = Field(description="The language model, where one did")
    generated_at: Instant
