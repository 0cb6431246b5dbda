"""What a narrative is made from: a service or the fleet, its situation, facts and actions. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self

from api_gateway.narrative.advice import Action, advise
from api_gateway.narrative.fact import Fact, Facts
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.narrative.service_facts import service_facts
from api_gateway.projections.service_status import ServiceState
from common.slo.freshness import UNTRUSTED
from common.slo.vocabulary import DataStatus, RiskLevel

Shape = Literal["no_data", "untrusted", "burning", "exhausted", "watch", "healthy", "fleet"]
"""A situation, which has a template of its own."""


@dataclass(frozen=True, slots=True)
class NarrativeInput:
    """Facts, those of the recommended actions included, and the actions themselves.

    `subject` is a service's name, or empty for the fleet, of which `worst` are the ids of facts on
    single services. `quoted` is what strangers wrote, for a language model only. A reader of a
    narrative that `waits` gives the model a moment before the template takes its place.
    """

    subject: str
    shape: Shape
    facts: Facts
    actions: Sequence[Action]
    worst: Sequence[str] = ()
    quoted: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False

    @classmethod
    def of_service(
        cls, context: ServiceContext, now: datetime, quoted: Mapping[str, str] | None = None
    ) -> Self:
        """Return everything that can be said of a service at `now`."""
        found = service_facts(context, now)
        actions = advise(context, Facts(found), now)
        facts = with_actions(found, actions)
        return cls(
            context.name, shape_of(context.state), facts, actions, quoted=quoted or {}, waits=True
        )


def with_actions(facts: Iterable[Fact], actions: Iterable[Action]) -> Facts:
    """Return the facts with those of the actions."""
    return Facts([*facts, *(action.fact() for action in actions)])


def shape_of(state: ServiceState) -> Shape:
    """Return the situation that a service is in."""
    if state.data_status is DataStatus.NO_DATA:
        return "no_data"
    if state.data_status in UNTRUSTED:
        return "untrusted"
    if state.risk_level in {RiskLevel.DANGER, RiskLevel.FREEZE}:
        return "burning"
    if state.error_budget_remaining <= 0:
        return "exhausted"
    return "watch" if state.risk_level is RiskLevel.OBSERVE else "healthy"
