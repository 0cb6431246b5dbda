"""/api/slo: objectives and how the services do against them."""

from typing import Annotated

from fastapi import Response

from api_gateway.burn.schemas import SloReport
from api_gateway.catalog.schemas import NewTarget, TargetAnswer, TargetUpdate
from api_gateway.http.operations import Operations
from api_gateway.projections.decisions import DecisionBook
from api_gateway.routers.dependencies import (
    CatalogService,
    ExistingService,
    ExistingTarget,
    ServerClock,
    Snapshots,
    provided,
)
from common.http.problems import responses

router = Operations(prefix="/api/slo", tags=["slo"])

Decisions = Annotated[DecisionBook, provided(DecisionBook)]


# before the paths that begin with a service's name: static paths win
@router.put("/targets/{id}", summary="Update an SLO target", responses=responses(404, 409))
async def update_slo_target(
    catalog: CatalogService,
    target: ExistingTarget,
    body: TargetUpdate,
) -> TargetAnswer:
    """Change an objective; it applies at once to all history that is kept."""
    return TargetAnswer.of(await catalog.update_target(target.id, body))


@router.delete(
    "/targets/{id}", status_code=204, summary="Delete an SLO target", responses=responses(404, 422)
)
async def delete_slo_target(catalog: CatalogService, target: ExistingTarget) -> None:
    """Retire an objective."""
    await catalog.retire_target(target.id)


@router.get("/{service_name}", summary="SLO status of a service", responses=responses(404))
async def get_slo_status(
    catalog: CatalogService,
    snapshots: Snapshots,
    decisions: Decisions,
    clock: ServerClock,
    service: ExistingService,
) -> SloReport:
    """All objectives of a service with their newest figures; the worst speaks for the service."""
    targets = await catalog.targets(service.name)
    state = snapshots.state(service.name, targets, clock())
    return SloReport.of(state, decisions.newest(service.name))


@router.get("/{service_name}/targets", summary="A service's SLO targets", responses=responses(404))
async def list_slo_targets(catalog: CatalogService, service: ExistingService) -> list[TargetAnswer]:
    """The objectives that have been set; the default one is not among them."""
    return [TargetAnswer.of(target) for target in await catalog.targets(service.name)]


@router.post(
    "/{service_name}/targets",
    status_code=201,
    summary="Create an SLO target",
    responses=responses(404, 409),
)
async def create_slo_target(
    catalog: CatalogService,
    service: ExistingService,
    body: NewTarget,
    response: Response,
) -> TargetAnswer:
    """Set an objective; the first one takes the place of the default."""
    target = await catalog.create_target(service.name, body)
    response.headers["Location"] = f"/api/slo/targets/{target.id}"
    return TargetAnswer.of(target)
