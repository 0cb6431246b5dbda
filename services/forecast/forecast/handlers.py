"""What the service does with each record: burn rates of a shard, and which services are shown."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from common.config.clock import Clock
from common.events import BurnRateMessage, BurnRateSnapshot, CatalogMessage, ServiceChanged
from common.kafka.client import Record
from common.kafka.unreadable import skip_unreadable
from common.observability.tracing import TraceContexts
from forecast.domain.due_services import DueServices

_burn_rate = msgspec.json.Decoder(BurnRateMessage)
_catalog = msgspec.json.Decoder(CatalogMessage)


class Retired:
    """The services that are not shown, by the newest revision of each."""

    def __init__(self) -> None:
        self._services: dict[str, ServiceChanged] = {}

    def apply(self, change: CatalogMessage) -> None:
        """Keep a service's newest revision; targets come with the snapshots."""
        if isinstance(change, ServiceChanged):
            old = self._services.get(change.name)
            if old is None or change.revision > old.revision:
                self._services[change.name] = change

    def __contains__(self, name: str) -> bool:
        service = self._services.get(name)
        return service is not None and service.retired


def level_handler(
    shards: Mapping[int, DueServices], clock: Clock, traces: TraceContexts
) -> Callable[[int, Sequence[Record]], None]:
    """Return the handler of burn rates, which takes those of shards that are held."""

    def on_levels(shard: int, records: Sequence[Record]) -> None:
        levels, now = shards[shard], clock()
        traces.take(records, "read")
        for record in records:
            if record.value is None:
                continue
            with skip_unreadable(record):
                message = _burn_rate.decode(record.value)
                if isinstance(message, BurnRateSnapshot):
                    levels.on_snapshot(message, now)
                else:
                    levels.on_heartbeat(message)

    return on_levels


def catalog_handler(retired: Retired) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Return the handler of the catalog, which every process reads in full."""

    async def on_catalog_records(records: Sequence[Record]) -> None:
        for record in records:
            if record.value is None:
                continue
            with skip_unreadable(record):
                retired.apply(_catalog.decode(record.value))

    return on_catalog_records
