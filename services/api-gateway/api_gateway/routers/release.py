"""/api/release and /api/decisions: whether a change may be released, and the decisions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request, Response

from api_gateway.http.operations import Operations
from api_gateway.http.pagination import Page, page_of, text_key
from api_gateway.http.response_cache import UNCHANGED, CachedResponse, ReadyRoute
from api_gateway.http.types import LINE_PATTERN
from api_gateway.projections.decisions import DecisionBook
from api_gateway.release.domain import DEFAULT_CLASS, ProposedChange
from api_gateway.release.history import Place, ReleaseHistory
from api_gateway.release.repository import ResultStore
from api_gateway.release.schemas import DecisionEvidence, HistoryEntry, ReleaseAnswer
from api_gateway.release.service import ReleaseFound, ReleaseService
from api_gateway.routers.dependencies import Cached, ExistingService, ServerClock, provided
from common.events import ChangeClass
from common.http.problems import Problem, responses

router = Operations(prefix="/api", tags=["release"], route_class=ReadyRoute)

Releases = Annotated[ReleaseService, provided(ReleaseService)]
Decisions = Annotated[DecisionBook, provided(DecisionBook)]
Results = Annotated[ResultStore, provided(ResultStore)]
History = Annotated[ReleaseHistory, provided(ReleaseHistory)]

NOT_STORED = {"Cache-Control": "no-store"}

HttpStatus = Literal["ok", "strict"]
StatusQuery = Annotated[
    HttpStatus,
    Query(
        description="`strict` is for callers that read only the status: 200 where `allowed`, 403 "
        "where the change is blocked, 503 where the gate does not know and the policy then lets "
        "nothing through. Otherwise it is 200 whatever the decision"
    ),
]
DecisionPath = Annotated[str, Path(max_length=64, description="A decision's id")]


def _place(parts: Any) -> Place:
    """Read a key that is an instant and a decision's id."""
    at, decision_id = parts
    before = datetime.fromisoformat(at)
    if before.tzinfo is None:
        raise ValueError(at)
    return Place(before, text_key([decision_id]))


HistoryPage = Annotated[Page[Place], Depends(page_of(_place))]


async def _proposed_change(
    change_class: Annotated[
        ChangeClass, Query(description="What kind of change is to be released")
    ] = DEFAULT_CLASS,
    version: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=128,
            pattern=LINE_PATTERN,
            description="What is to be released; an override for one version needs it",
        ),
    ] = None,
) -> ProposedChange:
    """Read what is to be released."""
    return ProposedChange(change_class, version)


ProposedChangeQuery = Annotated[ProposedChange, Depends(_proposed_change)]


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of the problems, and of what `strict` answers beside them."""
    entries = responses(*{403, 503, *statuses})
    answer = {"schema": {"$ref": "#/components/schemas/ReleaseAnswer"}}
    entries[403] = {"description": "Blocked (`strict`)", "content": {"application/json": answer}}
    entries[503]["description"] = "Not known (`strict`, JSON), or the database does not answer"
    entries[503]["content"]["application/json"] = answer
    return entries


@router.get(
    "/release/{service_name}",
    summary="Can I deploy?",
    response_model=ReleaseAnswer,
    responses={**UNCHANGED, **_answers(404, 422)},
)
async def get_release(  # noqa: PLR0913, PLR0917 - the query and where it is kept
    releases: Releases,
    decisions: Decisions,
    cached: Cached,
    clock: ServerClock,
    service: ExistingService,
    change: ProposedChangeQuery,
    request: Request,
    response: Response,
    http_status: StatusQuery = "ok",
) -> Response | ReleaseAnswer:
    """The newest decision for one class of change; asking uses no override up."""
    if http_status == "strict":
        found = await releases.answer(service, change, clock())
        return _answered(found, response, http_status)

    async def make() -> CachedResponse:
        found = await releases.answer(service, change, clock())
        body = ReleaseAnswer.of(found).model_dump_json().encode()
        return CachedResponse(body, NOT_STORED, until=releases.known_until(found))

    return await cached.answer(request, make, watch=lambda: decisions.version(service.name))


@router.post(
    "/release/{service_name}/check",
    summary="Can I deploy? Counts as a use of an override",
    responses=_answers(404, 413, 422),
)
async def check_release(  # noqa: PLR0913, PLR0917 - the query and what it depends on
    releases: Releases,
    clock: ServerClock,
    service: ExistingService,
    change: ProposedChangeQuery,
    response: Response,
    http_status: StatusQuery = "ok",
) -> ReleaseAnswer:
    """The same answer; where an override lets the change through, that is one use of it.

    A body is not read, so that any system's hook can be pointed here.
    """
    found = await releases.check(service, change, clock())
    return _answered(found, response, http_status)


@router.get(
    "/release/{service_name}/history",
    summary="What the gate answered on a service, newest first",
    responses=responses(404),
)
async def list_decisions(
    history: History,
    clock: ServerClock,
    service: ExistingService,
    change: ProposedChangeQuery,
    page: HistoryPage,
) -> list[HistoryEntry]:
    """What it answered for one class of change, from when until when, with the override if one did.

    The decision behind each answer stands beside, as it was first published. One decision may have
    several answers: an override that it names ends, or nobody confirms it any more.
    """
    now = clock()
    found = await history.answers(service, change, page.after, page.fetch_limit, now)
    shown = page.cut(found, lambda a: [a.since.isoformat(), a.decision.decision_id])
    return [HistoryEntry.of_answered(answer, now) for answer in shown]


@router.get(
    "/decisions/{decision_id}", summary="One decision and why", responses=responses(404, 422)
)
async def get_decision(results: Results, decision_id: DecisionPath) -> DecisionEvidence:
    """A decision with the inputs and the policy that it was made of."""
    if "\0" not in decision_id:
        async with results.read() as reader:
            stored = await reader.decision(decision_id)
        if stored is not None:
            return DecisionEvidence.of_stored(stored)
    shown = decision_id.encode("ascii", "replace").decode()
    detail = f"There is no decision `{shown}`; GET /api/release/<service>/history lists them."
    raise Problem(404, "unknown_decision", detail)


def _answered(found: ReleaseFound, response: Response, http_status: HttpStatus) -> ReleaseAnswer:
    release = found.release
    response.headers.update(NOT_STORED)
    if http_status == "strict" and not release.allowed:
        response.status_code = 503 if release.decision == "UNKNOWN" else 403
    return ReleaseAnswer.of(found)
