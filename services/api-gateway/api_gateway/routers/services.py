"""/api/services: the services, declared or discovered."""

from fastapi import Response

from api_gateway.catalog.schemas import (
    NewService,
    Purge,
    PurgeAnswer,
    ServiceAnswer,
    ServiceUpdate,
)
from api_gateway.http.operations import Operations
from api_gateway.http.pagination import NamePage
from api_gateway.http.types import NO_REASON, Reasoned
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.schemas import MAY_WAIT, PREVIEWED, DryRun, LooseningPreview
from api_gateway.routers.dependencies import CatalogService, ExistingServiceByName, ServerClock
from common.http.problems import responses

router = Operations(prefix="/api/services", tags=["services"])


@router.get("", summary="All services by name")
async def list_services(catalog: CatalogService, page: NamePage) -> list[ServiceAnswer]:
    """Services in use, by name, a page at a time."""
    found = await catalog.services(page.after or "", page.fetch_limit)
    return [
        ServiceAnswer.model_validate(service) for service in page.cut(found, lambda s: [s.name])
    ]


@router.post("", status_code=201, summary="Create a service", responses=responses(409))
async def create_service(
    catalog: CatalogService,
    body: NewService,
    response: Response,
) -> ServiceAnswer:
    """Declare a service. A name that was deleted gets a new id and its kept history."""
    service = await catalog.create_service(body)
    response.headers["Location"] = f"/api/services/{service.name}"
    return ServiceAnswer.model_validate(service)


@router.post("/purge", summary="Retire services in bulk")
async def purge_services(catalog: CatalogService, clock: ServerClock, body: Purge) -> PurgeAnswer:
    """Retire services without targets, by who brought their names or by how long they are silent.

    Their places are free at once. Ask with `dry_run`, which is the default, to see which they are.
    """
    origin = body.reported_by(clock())
    purged = await catalog.purge(origin, body.reason, dry_run=body.dry_run)
    return PurgeAnswer.model_validate(purged)


@router.get("/{name}", summary="One service", responses=responses(404))
async def get_service(service: ExistingServiceByName) -> ServiceAnswer:
    """A service in use."""
    return ServiceAnswer.model_validate(service)


@router.put("/{name}", summary="Update a service", responses={**MAY_WAIT, **responses(404)})
async def update_service(
    catalog: CatalogService,
    service: ExistingServiceByName,
    body: ServiceUpdate,
    dry_run: DryRun,
) -> ServiceAnswer | LooseningPreview:
    """Replace tier, owner and description; the name stays."""
    terms = Terms(body.reason, dry_run=dry_run)
    return ServiceAnswer.model_validate(await catalog.update_service(service.name, body, terms))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete a service",
    responses={**PREVIEWED, **MAY_WAIT, **responses(404)},
)
async def delete_service(
    catalog: CatalogService,
    service: ExistingServiceByName,
    dry_run: DryRun,
    body: Reasoned = NO_REASON,
) -> None:
    """Retire a service and its targets. Its events go on being counted."""
    await catalog.retire_service(service.name, Terms(body.reason, dry_run=dry_run))
