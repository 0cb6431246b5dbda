"""Sentences from templates: a shape for each situation. The same facts give the same text. Pure."""

from collections.abc import Sequence
from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader, Template

from api_gateway.narrative.advice import Action
from api_gateway.narrative.checker import Marks, Sentence, check_marked
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.service_facts import worst_slo
from api_gateway.projections.service_status import ServiceState
from common.slo.freshness import UNTRUSTED
from common.slo.vocabulary import DataStatus, RiskLevel

Shape = Literal["no_data", "untrusted", "burning", "exhausted", "watch", "healthy", "fleet"]


def shape_of(state: ServiceState) -> Shape:
    """Return the situation that a service is in."""
    if state.data_status is DataStatus.NO_DATA:
        return "no_data"
    if state.data_status in UNTRUSTED:
        return "untrusted"
    if state.risk_level in {RiskLevel.DANGER, RiskLevel.FREEZE}:
        return "burning"
    if worst_slo(state).error_budget_remaining <= 0:
        return "exhausted"
    return "watch" if state.risk_level is RiskLevel.OBSERVE else "healthy"


def write(
    shape: Shape, facts: Facts, actions: Sequence[Action], worst: Sequence[str] = ()
) -> tuple[Sentence, ...]:
    """Return the sentences of a shape, checked as everything that is shown.

    `facts` hold those of the actions as well; `worst` are ids of facts on single services.
    """
    marks = Marks(facts)
    marked = _template(shape).render(
        f={fact.id: marks.mark(fact.id) for fact in facts},
        actions=[marks.mark(action.fact().id) for action in actions],
        nothing=[action.code for action in actions] == ["none"],
        worst=[marks.mark(fact_id) for fact_id in worst],
    )
    return check_marked(" ".join(line for line in marked.splitlines() if line), marks)


@cache
def _template(shape: Shape) -> Template:
    # plain text, made of marks and of the templates' own words: there is nothing to escape
    loader = PackageLoader("api_gateway.narrative")
    environment = Environment(loader=loader, trim_blocks=True, autoescape=False)  # noqa: S701
    return environment.get_template(f"{shape}.j2")
