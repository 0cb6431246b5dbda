"""/api/alerts and /api/notifications: what fires, who has taken it on, who was told."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api_gateway.alerts.ports import Alert, AlertQuery, NotificationQuery
from api_gateway.alerts.schemas import (
    AcknowledgeRequest,
    AlertAnswer,
    AlertHistoryAnswer,
    AwareInstant,
    HistoryLineAnswer,
    NotificationAnswer,
)
from api_gateway.alerts.service import existing_alert
from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.pagination import DEFAULT_LIMIT, LARGEST_ID, LINK_HEADER, LongIdPage, Page
from api_gateway.http.types import TEXT_PATTERN
from api_gateway.routers.dependencies import ExistingService, GatewayParts
from common.alerting.rules import AlertState, Severity
from common.http.problems import responses

router = APIRouter(prefix="/api", tags=["alerts"])

AlertPath = Annotated[int, Path(ge=1, le=LARGEST_ID, description="An alert's id")]
States = Annotated[list[AlertState] | None, Query(description="Only in these states", max_length=3)]
Severities = Annotated[
    list[Severity] | None, Query(description="Only of these severities", max_length=3)
]
Since = Annotated[
    AwareInstant | None, Query(description="Only what was open at this time or since")
]


@router.get(
    "/alerts",
    summary="All alerts, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(422, 503)},
)
async def list_alerts(  # noqa: PLR0913, PLR0917 - a filter for each parameter
    gateway: GatewayParts,
    page: LongIdPage,
    state: States = None,
    severity: Severities = None,
    service: Annotated[str | None, Query(max_length=63, pattern=TEXT_PATTERN)] = None,
    since: Since = None,
) -> list[AlertAnswer]:
    """Alerts of all services, also those that have ended; `state` may be given several times."""
    query = AlertQuery(
        page.after or LARGEST_ID,
        page.fetch_limit,
        tuple(state or ()),
        tuple(severity or ()),
        service,
        since,
    )
    return await _page(gateway, page, query)


@router.get(
    "/alerts/{service_name}",
    summary="A service's alerts, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(404, 422, 503)},
)
async def list_service_alerts(  # noqa: PLR0913, PLR0917 - a filter for each parameter
    gateway: GatewayParts,
    service: ExistingService,
    page: LongIdPage,
    state: States = None,
    severity: Severities = None,
    since: Since = None,
) -> list[AlertAnswer]:
    """Alerts of one service, as in the list of all."""
    query = AlertQuery(
        page.after or LARGEST_ID,
        page.fetch_limit,
        tuple(state or ()),
        tuple(severity or ()),
        service.name,
        since,
    )
    return await _page(gateway, page, query)


@router.get(
    "/alerts/{id}/history",
    summary="All that is known of an alert",
    responses=responses(404, 422, 503),
)
async def get_alert_history(
    gateway: GatewayParts,
    id: AlertPath,  # noqa: A002 - the path's word
) -> AlertHistoryAnswer:
    """Every transition, with who and why, and every notification with how it went."""
    async with gateway.alerts.store.read() as reader:
        alert = await existing_alert(reader, id)
        lines = await reader.history(id)
        told = await reader.notifications(
            NotificationQuery(LARGEST_ID, DEFAULT_LIMIT, episode_id=id)
        )
    return AlertHistoryAnswer(
        alert=AlertAnswer.model_validate(alert),
        transitions=[HistoryLineAnswer.model_validate(line) for line in lines],
        notifications=[NotificationAnswer.model_validate(n) for n in told],
    )


async def _existing(gateway: GatewayParts, id: AlertPath) -> Alert:  # noqa: A002 - the path's word
    async with gateway.alerts.store.read() as reader:
        return await existing_alert(reader, id)


@router.patch(
    "/alerts/{id}/acknowledge",
    summary="Take on an alert",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(AcknowledgeRequest),
)
async def acknowledge_alert(
    gateway: GatewayParts,
    alert: Annotated[Alert, Depends(_existing)],
    wanted: Annotated[AcknowledgeRequest, Depends(json_body(AcknowledgeRequest))],
) -> AlertAnswer:
    """Nobody is told of it again until it rises or ends. Twice is as once; 409 where it has ended.

    It counts for the alert as it is now: if it rises before the alerts service has noted this,
    the history says `ack_too_late`, and somebody is told.
    """
    taken = await gateway.alerts.alerting.acknowledge(
        alert.id, wanted.actor, wanted.comment, wanted.version, gateway.clock()
    )
    return AlertAnswer.model_validate(taken)


@router.get(
    "/notifications",
    summary="Deliveries to channels, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(422, 503)},
)
async def list_notifications(
    gateway: GatewayParts,
    page: LongIdPage,
    state: Annotated[
        str | None, Query(pattern="^(pending|sent|dead)$", description="`dead`: given up")
    ] = None,
    channel: Annotated[str | None, Query(max_length=63, pattern=TEXT_PATTERN)] = None,
) -> list[NotificationAnswer]:
    """What was told to whom; of what was not delivered, why, and when it is tried again."""
    query = NotificationQuery(page.after or LARGEST_ID, page.fetch_limit, state, channel)
    async with gateway.alerts.store.read() as reader:
        found = await reader.notifications(query)
    return [NotificationAnswer.model_validate(n) for n in page.cut(found, lambda n: [n.id])]


async def _page(gateway: GatewayParts, page: Page[int], query: AlertQuery) -> list[AlertAnswer]:
    async with gateway.alerts.store.read() as reader:
        found = await reader.alerts(query)
    return [AlertAnswer.model_validate(alert) for alert in page.cut(found, lambda a: [a.id])]
