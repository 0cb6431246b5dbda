"""/api/burn: burn rates now and in the past, and computing them at once."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api_gateway.burn.schemas import BurnHistory, BurnRateSnapshotAnswer
from api_gateway.burn.service import BurnHistories
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.schemas import ComputeRequest, IndicatorName
from api_gateway.http.operations import Operations
from api_gateway.http.pagination import NamePage, Page
from api_gateway.http.problems import broker_unavailable, invalid
from api_gateway.http.response_cache import UNCHANGED, CachedResponse, ReadyRoute
from api_gateway.http.time_range import STEP_DEFAULT, FromQuery, StepQuery, ToQuery, span
from api_gateway.projections.commands import ComputeCommands, SilentShardsError
from api_gateway.projections.snapshots import ReadModel
from api_gateway.routers.dependencies import (
    Cached,
    CatalogService,
    ExistingService,
    ServerClock,
    Snapshots,
    provided,
)
from common.http.problems import Problem, responses
from common.kafka.client import UnknownOutcomeError

router = Operations(prefix="/api/burn", tags=["burn"], route_class=ReadyRoute)

ServicesInUse = Annotated[CatalogCache, provided(CatalogCache)]
Commands = Annotated[ComputeCommands, provided(ComputeCommands)]
Histories = Annotated[BurnHistories, provided(BurnHistories)]

EVERY_SERVICE = ComputeRequest()
_answers = TypeAdapter(list[BurnRateSnapshotAnswer])


@router.get(
    "",
    summary="Burn rates of all services",
    response_model=list[BurnRateSnapshotAnswer],
    responses=UNCHANGED,
)
async def list_burn_rates(  # noqa: PLR0913, PLR0917 - what it depends on
    in_use: ServicesInUse,
    snapshots: Snapshots,
    cached: Cached,
    clock: ServerClock,
    page: NamePage,
    request: Request,
) -> Response:
    """The newest snapshot of every service in use, by name, a page at a time."""
    return await cached.answer(request, lambda: burn_rates(in_use, snapshots, page, clock()))


async def burn_rates(
    catalog: CatalogCache, snapshots: ReadModel, page: Page[str], now: datetime
) -> CachedResponse:
    """Return a page of snapshots as bytes, with the link to the next page."""
    in_use = await catalog.in_use()
    found = in_use.after(page.after or "", page.fetch_limit)
    services = page.cut(found, lambda service: [service.name])
    states = [snapshots.state(s.name, in_use.targets[s.name], now) for s in services]
    body = _answers.dump_json([BurnRateSnapshotAnswer.model_validate(state) for state in states])
    links = page.response.headers
    return CachedResponse(body, {"Link": links["Link"]} if "Link" in links else {})


@router.post("/compute", summary="Compute burn rates now", responses=responses(404, 504))
async def compute_burn_rates(  # noqa: PLR0913, PLR0917 - what it depends on
    catalog: CatalogService,
    snapshots: Snapshots,
    commands: Commands,
    clock: ServerClock,
    body: ComputeRequest = EVERY_SERVICE,
    service: Annotated[
        str | None, Query(description="The same as `service_name` in the body")
    ] = None,
) -> list[BurnRateSnapshotAnswer]:
    """Let every shard concerned evaluate and publish; answer with what it published."""
    name = body.service_name if service is None else service
    if body.service_name not in {None, name}:
        raise invalid("service", "contradiction", "names another service than the body does")
    if name is not None:
        await catalog.service(name)
    try:
        computed = await commands.request(name)
    except UnknownOutcomeError:
        raise broker_unavailable("Kafka did not acknowledge the command; send it again.") from None
    except SilentShardsError as error:
        raise _silence(error) from None
    targets = await catalog.targets_in_use([snapshot.service_name for snapshot in computed])
    now = clock()
    shown = [snapshot for snapshot in computed if snapshot.service_name in targets]
    states = [snapshots.state_at(s, targets[s.service_name], now) for s in shown]
    return [BurnRateSnapshotAnswer.model_validate(state) for state in states]


@router.get("/{service_name}", summary="Burn rate history", responses=responses(404, 422))
async def get_burn_history(  # noqa: PLR0913, PLR0917 - the query's parameters
    histories: Histories,
    clock: ServerClock,
    service: ExistingService,
    from_: FromQuery = None,
    to: ToQuery = None,
    step: StepQuery = STEP_DEFAULT,
    slo: Annotated[
        int | None,
        Query(ge=1, le=2**63 - 1, description="An SLO target's id; default: the worst one's"),
    ] = None,
    indicator: Annotated[
        IndicatorName | None, Query(description="Of the targets held against this indicator alone")
    ] = None,
) -> BurnHistory:
    """Burn rates at multiples of the step, computed from the stored counts."""
    now = clock()
    asked = span(from_, to, step, now)
    return await histories.history(service.name, asked, slo, now, indicator)


def _silence(error: SilentShardsError) -> Problem:
    shards = sorted(error.shards)
    detail = (
        f"No answer in time from shards {', '.join(map(str, shards))}; see whether their "
        "burnrate processes run, and send it again."
    )
    return Problem(504, "silent_shards", detail, extra={"silent_shards": shards})
