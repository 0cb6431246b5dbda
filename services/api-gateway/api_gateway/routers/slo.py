"""/api/slo: objectives and how the services do against them."""

from typing import Annotated

from fastapi import Response

from api_gateway.burn.schemas import SloReport
from api_gateway.catalog.schemas import NewTarget, TargetAnswer, TargetUpdate
from api_gateway.http.operations import Operations
from api_gateway.http.types import NO_REASON, Reasoned
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.schemas import MAY_WAIT, PREVIEWED, DryRun, LooseningPreview
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
@router.put(
    "/targets/{id}",
    summary="Update an SLO target",
    responses={**MAY_WAIT, **responses(404, 409)},
)
async def update_slo_target(
    catalog: CatalogService,
    target: ExistingTarget,
    body: TargetUpdate,
    dry_run: DryRun,
) -> TargetAnswer | LooseningPreview:
    """Change an objective; it applies at once to all history that is kept.

    What makes it milder needs a `reason`, and stands among the gate's reasons for a day.
    """
    terms = Terms(body.reason, dry_run=dry_run)
    return TargetAnswer.of(await catalog.update_target(target.id, body, terms))


@router.delete(
    "/targets/{id}",
    status_code=204,
    summary="Delete an SLO target",
    responses={**PREVIEWED, **MAY_WAIT, **responses(404, 422)},
)
async def delete_slo_target(
    catalog: CatalogService,
    target: ExistingTarget,
    dry_run: DryRun,
    body: Reasoned = NO_REASON,
) -> None:
    """Retire an objective, which needs a `reason`."""
    await catalog.retire_target(target.id, Terms(body.reason, dry_run=dry_run))


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
    responses={**PREVIEWED, **MAY_WAIT, **responses(404, 409)},
)
async def create_slo_target(
    catalog: CatalogService,
    service: ExistingService,
    body: NewTarget,
    response: Response,
    dry_run: DryRun,
) -> TargetAnswer:
    """Set an objective; the first one takes the place of the default.

    Where it is milder than that and the gate blocks the service, it needs a `reason`.
    """
    terms = Terms(body.reason, dry_run=dry_run)
    target = await catalog.create_target(service.name, body, terms)
    response.headers["Location"] = f"/api/slo/targets/{target.id}"
    return TargetAnswer.of(target)
