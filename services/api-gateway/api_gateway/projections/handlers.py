"""What to do with each record of the topics that the gateway reads. No record can stop it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api_gateway.metrics import RECORDS
from api_gateway.projections.commands import ComputeCommands
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.overrides import OverrideBook
from api_gateway.projections.snapshots import ReadModel
from common.events import BurnRateMessage, BurnRateSnapshot, PolicyMessage
from common.kafka.client import Record
from common.kafka.topics import BURNRATES, CATALOG, DECISIONS, FORECASTS, POLICIES, RULES, decode
from common.kafka.trace_contexts import trace_batch
from common.kafka.unreadable import skip_unreadable


@dataclass(frozen=True, slots=True)
class Projections:
    """The newest results of the other services."""

    snapshots: ReadModel
    forecasts: ForecastBook
    decisions: DecisionBook
    overrides: OverrideBook


class Handlers:
    """Feeds the projections, the commands that wait for answers, and discovery.

    `discover` takes the name of every service that reports.
    """

    def __init__(
        self, projections: Projections, commands: ComputeCommands, discover: Callable[[str], None]
    ) -> None:
        self._snapshots, self._commands, self._discover = projections.snapshots, commands, discover
        self._overrides = projections.overrides
        self._apply: Mapping[str, Callable[[Any], object]] = {
            BURNRATES.name: self._on_burnrate,
            CATALOG.name: projections.snapshots.apply_announcement,
            POLICIES.name: self._on_policies,
            RULES.name: projections.snapshots.apply_announcement,
            DECISIONS.name: projections.decisions.apply,
            FORECASTS.name: projections.forecasts.apply,
        }

    async def on_records(self, records: Sequence[Record]) -> None:
        """Apply records of one partition, in order."""
        self._snapshots.version += 1
        for record in records:
            with skip_unreadable(record):
                if record.value is not None and record.topic in self._apply:
                    self._apply[record.topic](decode(record))
            RECORDS.labels(record.topic).inc()
        trace_batch("api-gateway apply", records)

    def _on_policies(self, message: PolicyMessage) -> None:
        self._snapshots.apply_announcement(message)
        self._overrides.apply(message)

    def _on_burnrate(self, message: BurnRateMessage) -> None:
        if isinstance(message, BurnRateSnapshot):
            self._snapshots.apply_snapshot(message)
            self._commands.saw_snapshot(message)
            self._discover(message.service_name)
        else:
            self._snapshots.apply_heartbeat(message)
            self._commands.saw_heartbeat(message)
