"""What every objective counted over a span, in one reading."""

from collections.abc import Mapping
from datetime import datetime

from api_gateway.burn.repository import CountStore
from api_gateway.burn.schemas import ServiceTotals, SloTotals, SpanTotals, from_seconds
from api_gateway.burn.steps import covering, whole_buckets
from api_gateway.catalog.cache import CatalogCache
from api_gateway.projections.service_status import ServiceState
from api_gateway.projections.snapshots import ReadModel
from common.config.clock import whole_seconds
from common.slo.streams import stream_of


class Totals:
    """Counts spans by objective, for reports on many services."""

    def __init__(self, catalog: CatalogCache, counts: CountStore, snapshots: ReadModel) -> None:
        self._catalog, self._counts, self._snapshots = catalog, counts, snapshots

    async def of_span(
        self, since: int, until: int, service_name: str | None, now: datetime
    ) -> SpanTotals:
        """Return the counts of a span (seconds since 1970), of one service or of all in use."""
        at, in_use = whole_seconds(now), await self._catalog.in_use()
        begin, end = whole_buckets(since, until, at)
        states = [
            self._snapshots.state(service.name, in_use.targets[service.name], now)
            for service in in_use.services
            if service_name in {None, service.name}
        ]
        objectives = [
            (stream_of(s.service_name, slo.indicator), slo) for s in states for slo in s.slos
        ]
        slow = {
            (stream, slo.threshold_seconds)
            for stream, slo in objectives
            if slo.threshold_seconds is not None
        }
        streams = None if service_name is None else {stream for stream, _ in objectives}
        spans = covering(begin, end, at)
        async with self._counts.read() as reader:
            requests = await reader.sums(spans, streams)
            slower = await reader.slow_sums(spans, sorted(slow))
        return SpanTotals(
            since=from_seconds(begin),
            until=from_seconds(end),
            services=[_service(state, requests, slower) for state in states],
        )


def _service(
    state: ServiceState,
    requests: Mapping[str, tuple[int, int]],
    slower: Mapping[tuple[str, float], tuple[int, int, int]],
) -> ServiceTotals:
    name, none = state.service_name, (0, 0)
    slos = []
    for slo in state.slos:
        stream, threshold = stream_of(name, slo.indicator), slo.threshold_seconds
        own = (*requests.get(stream, none), 0) if threshold is None else slower[stream, threshold]
        slos.append(SloTotals.of(slo, *own))
    return ServiceTotals(
        service_name=name, slo_id=state.slo_id, snapshot_id=state.snapshot_id, slos=slos
    )
