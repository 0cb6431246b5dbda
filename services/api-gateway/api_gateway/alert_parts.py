"""What the operations on alerts stand on."""

from dataclasses import dataclass
from typing import Self

from api_gateway.alert_channels import AlertChannels
from api_gateway.alert_ports import AlertStore
from api_gateway.alert_rule_book import AlertRuleBook
from api_gateway.alerting import Alerting
from api_gateway.compute import Sender
from common.clock import Clock


@dataclass(frozen=True, slots=True)
class AlertParts:
    """The store, and the rules of what users may do with what is in it."""

    store: AlertStore
    alerting: Alerting
    rules: AlertRuleBook
    channels: AlertChannels

    @classmethod
    def of(
        cls, store: AlertStore, sender: Sender, clock: Clock, test_timeout_seconds: float
    ) -> Self:
        """Put the parts together on a store and a publisher."""
        return cls(
            store,
            Alerting(store),
            AlertRuleBook(store),
            AlertChannels(store, sender, clock, test_timeout_seconds),
        )
