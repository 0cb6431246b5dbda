"""What the operations on alerts stand on."""

from dataclasses import dataclass
from typing import Self

from api_gateway.alerts.channels import AlertChannels
from api_gateway.alerts.ports import AlertStore
from api_gateway.alerts.rules import RuleService
from api_gateway.alerts.service import Alerting
from api_gateway.projections.commands import Sender
from common.config.clock import Clock


@dataclass(frozen=True, slots=True)
class AlertParts:
    """The store, and the rules of what users may do with what is in it."""

    store: AlertStore
    alerting: Alerting
    rules: RuleService
    channels: AlertChannels

    @classmethod
    def of(
        cls, store: AlertStore, sender: Sender, clock: Clock, test_timeout_seconds: float
    ) -> Self:
        """Put the parts together on a store and a publisher."""
        return cls(
            store,
            Alerting(store),
            RuleService(store),
            AlertChannels(store, sender, clock, test_timeout_seconds),
        )
