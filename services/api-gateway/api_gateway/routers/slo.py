"""/api/slo: objectives and how the services do against them."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api_gateway.burn.schemas import SloReport
from api_gateway.catalog.schemas import NewTarget, TargetAnswer, TargetUpdate
from api_gateway.http.json_body import describes_body, json_body
from api_gateway.routers.dependencies import (
    ExistingService,
    ExistingTarget,
    GatewayParts,
)
from common.http.problems import responses

router = APIRouter(prefix="/api/slo", tags=["slo"])

LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}


# before the paths that begin with a service's name: static paths win
@router.put(
    "/targets/{id}",
    summary="Update an SLO target",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(TargetUpdate),
)
async def update_slo_target(
    gateway: GatewayParts,
    target: ExistingTarget,
    wanted: Annotated[TargetUpdate, Depends(json_body(TargetUpdate))],
) -> TargetAnswer:
    """Change an objective; it applies at once to all history that is kept."""
    return TargetAnswer.of(await gateway.catalog.update_target(target.id, wanted))


@router.delete(
    "/targets/{id}",
    status_code=204,
    summary="Delete an SLO target",
    responses=responses(404, 413, 422, 503),
)
async def delete_slo_target(gateway: GatewayParts, target: ExistingTarget) -> None:
    """Retire an objective."""
    await gateway.catalog.retire_target(target.id)


@router.get("/{service_name}", summary="SLO status of a service", responses=responses(404, 503))
async def get_slo_status(gateway: GatewayParts, service: ExistingService) -> SloReport:
    """All objectives of a service with their newest figures; the worst speaks for the service."""
    async with gateway.store.read() as reader:
        targets = await reader.targets([service.name])
    return SloReport.model_validate(
        gateway.read_model.state(service.name, targets, gateway.clock())
    )


@router.get(
    "/{service_name}/targets", summary="A service's SLO targets", responses=responses(404, 503)
)
async def list_slo_targets(gateway: GatewayParts, service: ExistingService) -> list[TargetAnswer]:
    """The objectives that have been set; the default one is not among them."""
    async with gateway.store.read() as reader:
        return [TargetAnswer.of(target) for target in await reader.targets([service.name])]


@router.post(
    "/{service_name}/targets",
    status_code=201,
    summary="Create an SLO target",
    responses={201: LOCATION, **responses(404, 409, 413, 415, 422, 503)},
    openapi_extra=describes_body(NewTarget),
)
async def create_slo_target(
    gateway: GatewayParts,
    service: ExistingService,
    wanted: Annotated[NewTarget, Depends(json_body(NewTarget))],
    response: Response,
) -> TargetAnswer:
    """Set an objective; the first one takes the place of the default."""
    target = await gateway.catalog.create_target(service.name, wanted)
    response.headers["Location"] = f"/api/slo/targets/{target.id}"
    return TargetAnswer.of(target)
