"""/api/silences: which alerts send no notifications, for a time."""

from typing import Annotated

from fastapi import Depends, Path, Query, Response

from api_gateway.alerts.domain import Silence, SilenceState
from api_gateway.alerts.schemas import SilenceAnswer, SilenceRequest
from api_gateway.alerts.service import AlertService
from api_gateway.http.operations import Operations
from api_gateway.http.pagination import LARGEST_ID, LongIdPage
from api_gateway.http.types import Statement
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.schemas import PREVIEWED, DryRun
from api_gateway.routers.dependencies import ServerClock, provided
from common.http.problems import responses

router = Operations(prefix="/api/silences", tags=["silences"])

Alerts = Annotated[AlertService, provided(AlertService)]


async def _existing(
    alerts: Alerts,
    id: Annotated[int, Path(ge=1, le=LARGEST_ID, description="A silence's id")],  # noqa: A002 - the path's word
) -> Silence:
    return await alerts.silence(id)


ExistingSilence = Annotated[Silence, Depends(_existing)]


@router.get("", summary="Silences, newest first")
async def list_silences(
    alerts: Alerts,
    clock: ServerClock,
    page: LongIdPage,
    state: Annotated[SilenceState | None, Query(description="Only of this page's rows")] = None,
) -> list[SilenceAnswer]:
    """All that there ever were, also those that have ended."""
    found = await alerts.silences(page.after or LARGEST_ID, page.fetch_limit)
    now = clock()
    shown = page.cut(found, lambda s: [s.id])
    chosen = [s for s in shown if state in {None, s.state(now)}]
    there = await alerts.silenceable()
    return [SilenceAnswer.of(s, now, there) for s in chosen]


@router.post("", status_code=201, summary="Silence alerts", responses=PREVIEWED)
async def create_silence(
    alerts: Alerts,
    clock: ServerClock,
    body: SilenceRequest,
    response: Response,
    dry_run: DryRun,
) -> SilenceAnswer:
    """Suppress notifications of what matches; whatever fires at its end is notified again.

    What can never match is refused; a `warning` says that nothing there is now does.
    """
    now = clock()
    terms = Terms(body.comment, body.created_by, dry_run=dry_run)
    added = await alerts.add_silence(body, terms, now)
    response.headers["Location"] = f"/api/silences/{added.id}"
    return SilenceAnswer.of(added, now, await alerts.silenceable())


@router.get("/{id}", summary="One silence", responses=responses(404, 422))
async def get_silence(
    alerts: Alerts, clock: ServerClock, silence: ExistingSilence
) -> SilenceAnswer:
    """A silence, whether or not it has ended."""
    return SilenceAnswer.of(silence, clock(), await alerts.silenceable())


@router.delete("/{id}", summary="End a silence now", responses=responses(404))
async def expire_silence(
    alerts: Alerts,
    clock: ServerClock,
    silence: ExistingSilence,
    by: Statement,
) -> SilenceAnswer:
    """Whatever still fires is notified again. One that has ended stays as it is."""
    now = clock()
    ended = await alerts.expire_silence(silence.id, Terms(by.reason, by.actor), now)
    return SilenceAnswer.of(ended, now, await alerts.silenceable())
