"""What to do with each record of the topics that the gateway reads. No record can stop it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from api_gateway.metrics import RECORDS
from api_gateway.projections.commands import ComputeCommands
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.snapshots import ReadModel
from common.events import (
    BurnRateMessage,
    BurnRateSnapshot,
    CatalogMessage,
    GateDecision,
    PolicyMessage,
    RuleMessage,
    ServiceForecast,
)
from common.kafka.client import Record
from common.kafka.topics import BURNRATES, CATALOG, DECISIONS, FORECASTS, POLICIES, RULES
from common.kafka.unreadable import skip_unreadable
from common.observability.tracing import note

_burnrates = msgspec.json.Decoder(BurnRateMessage)
_catalog = msgspec.json.Decoder(CatalogMessage)
_policies = msgspec.json.Decoder(PolicyMessage)
_rules = msgspec.json.Decoder(RuleMessage)
_decisions = msgspec.json.Decoder(GateDecision)
_forecasts = msgspec.json.Decoder(ServiceForecast)


@dataclass(frozen=True, slots=True)
class Projections:
    """The newest results of the other services."""

    snapshots: ReadModel
    forecasts: ForecastBook
    decisions: DecisionBook


class Discoveries(Protocol):
    """Takes the names of services that report."""

    def saw(self, service_name: str) -> None:
        """Note a name; what is done about it happens elsewhere."""
        ...


class Handlers:
    """Feeds read model, decisions, forecasts, the commands that wait for answers, discovery."""

    def __init__(
        self,
        read_model: ReadModel,
        decisions: DecisionBook,
        forecasts: ForecastBook,
        commands: ComputeCommands,
        discoveries: Discoveries,
    ) -> None:
        self._read_model, self._decisions = read_model, decisions
        self._forecasts = forecasts
        self._commands, self._discoveries = commands, discoveries

    async def on_records(self, records: Sequence[Record]) -> None:
        """Apply records of one partition, in order."""
        self._read_model.version += 1
        for record in records:
            with skip_unreadable(record):
                self._on_record(record)
            RECORDS.labels(record.topic).inc()
        note("api-gateway apply", records)

    def _on_record(self, record: Record) -> None:
        if record.value is None:
            return
        if record.topic == BURNRATES.name:
            self._on_burnrate(_burnrates.decode(record.value))
        elif record.topic == CATALOG.name:
            self._read_model.apply_wish(_catalog.decode(record.value))
        elif record.topic == POLICIES.name:
            self._read_model.apply_wish(_policies.decode(record.value))
        elif record.topic == RULES.name:
            self._read_model.apply_wish(_rules.decode(record.value))
        elif record.topic == DECISIONS.name:
            self._decisions.apply(_decisions.decode(record.value))
        elif record.topic == FORECASTS.name:
            self._forecasts.apply(_forecasts.decode(record.value))

    def _on_burnrate(self, message: BurnRateMessage) -> None:
        if isinstance(message, BurnRateSnapshot):
            self._read_model.apply_snapshot(message)
            self._commands.saw_snapshot(message)
            self._discoveries.saw(message.service_name)
        else:
            self._read_model.apply_heartbeat(message)
            self._commands.saw_heartbeat(message)
