"""/api/burn: burn rates now and in the past, and computing them at once."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import TypeAdapter

from api_gateway.burn.schemas import BurnHistory, BurnRateSnapshotAnswer
from api_gateway.catalog.domain import Target
from api_gateway.catalog.ports import CatalogReader
from api_gateway.catalog.schemas import ComputeRequest
from api_gateway.http.json_body import describes_body, optional_json_body
from api_gateway.http.pagination import LINK_HEADER, NamePage, Page
from api_gateway.http.problems import invalid
from api_gateway.http.response_cache import UNCHANGED, CachedResponse, ReadyRoute
from api_gateway.http.time_range import STEP_DEFAULT, FromQuery, StepQuery, ToQuery, span
from api_gateway.projections.commands import SilentShardsError
from api_gateway.routers.dependencies import (
    ExistingService,
    Gateway,
    GatewayParts,
    find_service,
)
from common.http.problems import Problem, responses
from common.kafka.client import UnknownOutcomeError

router = APIRouter(prefix="/api/burn", tags=["burn"], route_class=ReadyRoute)

_answers = TypeAdapter(list[BurnRateSnapshotAnswer])


@router.get(
    "",
    summary="Burn rates of all services",
    response_model=list[BurnRateSnapshotAnswer],
    responses={200: {"headers": LINK_HEADER}, **UNCHANGED, **responses(422, 503)},
)
async def list_burn_rates(gateway: GatewayParts, page: NamePage, request: Request) -> Response:
    """The newest snapshot of every service in use, by name, a page at a time."""
    return await gateway.ready.answer(request, lambda: burn_rates(gateway, page))


async def burn_rates(gateway: Gateway, page: Page[str]) -> CachedResponse:
    """Return a page of snapshots as bytes, with the link to the next page."""
    in_use, now = await gateway.roster.in_use(), gateway.clock()
    found = in_use.after(page.after or "", page.fetch_limit)
    services = page.cut(found, lambda service: [service.name])
    states = [gateway.read_model.state(s.name, in_use.targets[s.name], now) for s in services]
    body = _answers.dump_json([BurnRateSnapshotAnswer.model_validate(state) for state in states])
    links = page.response.headers
    return CachedResponse(body, {"Link": links["Link"]} if "Link" in links else {})


@router.post(
    "/compute",
    summary="Compute burn rates now",
    responses=responses(404, 413, 415, 422, 503, 504),
    openapi_extra=describes_body(ComputeRequest, required=False),
)
async def compute_burn_rates(
    gateway: GatewayParts,
    wanted: Annotated[ComputeRequest, Depends(optional_json_body(ComputeRequest))],
    service: Annotated[
        str | None, Query(description="The same as `service_name` in the body")
    ] = None,
) -> list[BurnRateSnapshotAnswer]:
    """Let every shard concerned evaluate and publish; answer with what it published."""
    name = wanted.service_name if service is None else service
    if wanted.service_name not in {None, name}:
        raise invalid("service", "contradiction", "names another service than the body does")
    if name is not None:
        await find_service(gateway, name)
    try:
        computed = await gateway.commands.request(name)
    except UnknownOutcomeError:
        detail = "Kafka did not acknowledge the command; send it again."
        raise Problem(503, "broker_unavailable", detail, headers={"Retry-After": "1"}) from None
    except SilentShardsError as error:
        raise _silence(error) from None
    async with gateway.store.read() as reader:
        in_use = await reader.in_use([snapshot.service_name for snapshot in computed])
        targets = await _targets(reader, in_use)
    now = gateway.clock()
    shown = [snapshot for snapshot in computed if snapshot.service_name in in_use]
    states = [gateway.read_model.state_at(s, targets[s.service_name], now) for s in shown]
    return [BurnRateSnapshotAnswer.model_validate(state) for state in states]


@router.get("/{service_name}", summary="Burn rate history", responses=responses(404, 422, 503))
async def get_burn_history(  # noqa: PLR0913, PLR0917 - the query's parameters
    gateway: GatewayParts,
    service: ExistingService,
    from_: FromQuery = None,
    to: ToQuery = None,
    step: StepQuery = STEP_DEFAULT,
    slo: Annotated[
        int | None,
        Query(ge=1, le=2**63 - 1, description="An SLO target's id; default: the worst one's"),
    ] = None,
) -> BurnHistory:
    """Burn rates at multiples of the step, computed from the stored counts."""
    now = gateway.clock()
    return await gateway.histories.history(service.name, span(from_, to, step, now), slo, now)


async def _targets(
    reader: CatalogReader, service_names: Collection[str]
) -> dict[str, list[Target]]:
    """Return the targets of each service."""
    found: dict[str, list[Target]] = {name: [] for name in service_names}
    for target in await reader.targets([*service_names]):
        found[target.service_name].append(target)
    return found


def _silence(error: SilentShardsError) -> Problem:
    shards = sorted(error.shards)
    detail = (
        f"No answer in time from shards {', '.join(map(str, shards))}; see whether their "
        "burnrate processes run, and send it again."
    )
    return Problem(504, "silent_shards", detail, extra={"silent_shards": shards})
