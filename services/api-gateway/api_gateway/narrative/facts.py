"""All that is known of a service, as facts. Pure: the same subject gives the same facts."""

from dataclasses import dataclass
from datetime import datetime

from api_gateway.narrative.advice import Action, advise
from api_gateway.narrative.event_facts import event_facts
from api_gateway.narrative.fact import Facts
from api_gateway.narrative.outlook_facts import outlook_facts
from api_gateway.narrative.service_facts import service_facts
from api_gateway.narrative.subject import ServiceContext


@dataclass(frozen=True, slots=True)
class Known:
    """Facts, those of the recommended actions included, and the actions themselves."""

    facts: Facts
    actions: tuple[Action, ...]


def known(subject: ServiceContext, now: datetime) -> Known:
    """Return what can be said of a service at `now`."""
    found = [*service_facts(subject, now), *outlook_facts(subject, now), *event_facts(subject, now)]
    actions = tuple(advise(subject, Facts(found), now))
    return Known(Facts([*found, *(action.fact() for action in actions)]), actions)
