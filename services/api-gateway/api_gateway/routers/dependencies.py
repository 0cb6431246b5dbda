"""What the operations stand on, and the checks that several of them share."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Request

from api_gateway.alerts.parts import AlertParts
from api_gateway.api_keys.topics import KeyParts
from api_gateway.burn.service import BurnHistories
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.domain import Service, Target, service_name_fault
from api_gateway.catalog.ports import Store
from api_gateway.catalog.service import Catalog, unknown_service, unknown_target
from api_gateway.http.response_cache import ResponseCache
from api_gateway.ingest_health.parts import IngestParts
from api_gateway.overview.service import Overview
from api_gateway.policy.overrides import Overrides
from api_gateway.policy.policies import Policies
from api_gateway.policy.ports import IntentStore
from api_gateway.projections.change_feed import ChangeLog
from api_gateway.projections.commands import ComputeCommands
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.handlers import Projections
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.ports import Results
from api_gateway.release.service import Releases
from api_gateway.storage.redis_cache import SharedCache
from api_gateway.summary.service import Summaries
from common.config.clock import Clock
from common.slo.vocabulary import SERVICE_NAME_PATTERN


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts that the operations use; made in `app.py`, or by a test."""

    store: Store
    histories: BurnHistories
    intents: IntentStore
    results: Results
    alerts: AlertParts
    ingest: IngestParts
    catalog: Catalog
    policies: Policies
    overrides: Overrides
    releases: Releases
    read_model: ReadModel
    decisions: DecisionBook
    forecasts: ForecastBook
    commands: ComputeCommands
    clock: Clock
    overview: Overview
    roster: CatalogCache
    ready: ResponseCache
    summaries: Summaries
    cache: SharedCache
    keys: KeyParts
    changes: ChangeLog = field(default_factory=ChangeLog)

    @property
    def projections(self) -> Projections:
        """What is followed of the other services' results."""
        return Projections(self.read_model, self.forecasts, self.decisions)


async def gateway_of(request: Request) -> Gateway:
    """Return the application's gateway; without a coroutine each request would take a thread."""
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayParts = Annotated[Gateway, Depends(gateway_of)]


ServicePath = Annotated[
    str, Path(description=f"A service's name: `{SERVICE_NAME_PATTERN}`", examples=["checkout"])
]
TargetPath = Annotated[int, Path(ge=1, le=2**63 - 1, description="An SLO target's id")]


async def _existing_service(gateway: GatewayParts, service_name: ServicePath) -> Service:
    return await find_service(gateway, service_name)


async def _existing_service_by_name(gateway: GatewayParts, name: ServicePath) -> Service:
    return await find_service(gateway, name)


async def find_service(gateway: Gateway, name: str) -> Service:
    """Return the service in use; 404 also for what can be no service's name."""
    if service_name_fault(name):
        raise unknown_service(name)
    async with gateway.store.read() as reader:
        service = await reader.service(name)
    if service is None:
        raise unknown_service(name)
    return service


async def _existing_target(gateway: GatewayParts, id: TargetPath) -> Target:  # noqa: A002 - the path's word
    async with gateway.store.read() as reader:
        target = await reader.target(id)
    if target is None:
        raise unknown_target(id)
    return target


# Found before the body is read: a wrong body for what does not exist is a 404.
ExistingService = Annotated[Service, Depends(_existing_service)]
ExistingServiceByName = Annotated[Service, Depends(_existing_service_by_name)]
ExistingTarget = Annotated[Target, Depends(_existing_target)]
