"""What is to be told: of whom, in which situation, on which facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from api_gateway.narrative.advice import Action
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.template import Shape


@dataclass(frozen=True, slots=True)
class NarrativeInput:
    """A subject's facts and actions; `worst` are ids of facts on single services of a fleet.

    `quoted` is what strangers wrote, for a language model only. A reader of a story that `waits`
    gives the model a moment before the template is told instead.
    """

    subject: str
    shape: Shape
    facts: Facts
    actions: Sequence[Action]
    worst: Sequence[str] = ()
    quoted: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False
