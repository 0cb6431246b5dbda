"""What operations depend on: the services of the process, and things that exist."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request

from api_gateway.catalog.domain import Service, Target
from api_gateway.catalog.service import Catalog
from api_gateway.http.pagination import LARGEST_ID
from api_gateway.http.response_cache import ResponseCache
from api_gateway.projections.snapshots import ReadModel
from common.config.clock import Clock
from common.slo.vocabulary import SERVICE_NAME_PATTERN

Kind = TypeVar("Kind")


class Services:
    """The long-lived objects of a process, by their class; made in `app.py`."""

    def __init__(self, clock: Clock, *objects: object) -> None:
        self.clock = clock
        self._objects: dict[type, Any] = {type(found): found for found in objects}

    def get(self, kind: type[Kind]) -> Kind:
        """Return the object of a class; KeyError where there is none."""
        found: Kind = self._objects[kind]
        return found


@cache
def provided(kind: type[Any]) -> Any:
    """Return the dependency that gives an operation the process's object of a class."""
    return Depends(_provider(kind))


def _provider(kind: type[Kind]) -> Callable[[Request], Awaitable[Kind]]:
    async def provide(request: Request) -> Kind:  # else each request would take a thread
        services: Services = request.app.state.services
        return services.get(kind)

    return provide


async def _clock(request: Request) -> Clock:
    services: Services = request.app.state.services
    return services.clock


ServerClock = Annotated[Clock, Depends(_clock)]
CatalogService = Annotated[Catalog, provided(Catalog)]
Snapshots = Annotated[ReadModel, provided(ReadModel)]
Cached = Annotated[ResponseCache, provided(ResponseCache)]

ServicePath = Annotated[
    str, Path(description=f"A service's name: `{SERVICE_NAME_PATTERN}`", examples=["checkout"])
]
TargetPath = Annotated[int, Path(ge=1, le=LARGEST_ID, description="An SLO target's id")]


async def _existing_service(catalog: CatalogService, service_name: ServicePath) -> Service:
    return await catalog.service(service_name)


async def _existing_service_by_name(catalog: CatalogService, name: ServicePath) -> Service:
    return await catalog.service(name)


async def _existing_target(catalog: CatalogService, id: TargetPath) -> Target:  # noqa: A002 - the path's word
    return await catalog.target(id)


# Found before the body is read: a wrong body for what does not exist is a 404.
ExistingService = Annotated[Service, Depends(_existing_service)]
ExistingServiceByName = Annotated[Service, Depends(_existing_service_by_name)]
ExistingTarget = Annotated[Target, Depends(_existing_target)]
