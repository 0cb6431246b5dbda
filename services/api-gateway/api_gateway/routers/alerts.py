"""/api/alerts and /api/notifications: what fires, who acknowledged it, where it was sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query

from api_gateway.alerts.domain import Alert, AlertQuery, NotificationQuery
from api_gateway.alerts.schemas import (
    AcknowledgeRequest,
    AlertAnswer,
    AlertHistoryAnswer,
    AwareInstant,
    HistoryLineAnswer,
    NotificationAnswer,
)
from api_gateway.alerts.service import AlertService
from api_gateway.http.operations import Operations
from api_gateway.http.pagination import (
    DEFAULT_LIMIT,
    LARGEST_ID,
    LINK_HEADER,
    LongIdPage,
    Page,
)
from api_gateway.http.types import TEXT_PATTERN
from api_gateway.routers.dependencies import ExistingService, ServerClock, provided
from common.alerting.rules import AlertState, Severity
from common.http.problems import responses

router = Operations(prefix="/api", tags=["alerts"])

Alerts = Annotated[AlertService, provided(AlertService)]

CONFIRMED: Final[dict[str, Any]] = {
    "Link": LINK_HEADER["Link"],
    "Alerts-Status": {
        "description": "`ok`, or `lagging` where the alerts service, or what gives it figures, has "
        "given no sign of life for so long that what has happened since may be missing",
        "schema": {"type": "string", "enum": ["ok", "lagging"]},
    },
    "Alerts-Confirmed-At": {
        "description": "The newest sign of life of what is furthest behind; without any the alerts "
        "service has never run",
        "schema": {"type": "string", "format": "date-time"},
    },
}

AlertPath = Annotated[int, Path(ge=1, le=LARGEST_ID, description="An alert's id")]
States = Annotated[list[AlertState] | None, Query(description="Only in these states", max_length=3)]
Severities = Annotated[
    list[Severity] | None, Query(description="Only of these severities", max_length=3)
]
Since = Annotated[
    AwareInstant | None, Query(description="Only what was open at this time or since")
]


@router.get("/alerts", summary="All alerts, newest first", responses={200: {"headers": CONFIRMED}})
async def list_alerts(  # noqa: PLR0913, PLR0917 - a filter for each parameter
    alerts: Alerts,
    clock: ServerClock,
    page: LongIdPage,
    state: States = None,
    severity: Severities = None,
    service: Annotated[str | None, Query(max_length=63, pattern=TEXT_PATTERN)] = None,
    since: Since = None,
) -> list[AlertAnswer]:
    """Alerts of all services, also those that have ended; `state` may be given several times.

    `Alerts-Status` says whether the alerts service lives and has figures: where not, what has begun
    since is missing.
    """
    return await _page(alerts, clock(), page, state, severity, service, since)


@router.get(
    "/alerts/{service_name}",
    summary="A service's alerts, newest first",
    responses={200: {"headers": CONFIRMED}, **responses(404)},
)
async def list_service_alerts(  # noqa: PLR0913, PLR0917 - a filter for each parameter
    alerts: Alerts,
    clock: ServerClock,
    service: ExistingService,
    page: LongIdPage,
    state: States = None,
    severity: Severities = None,
    since: Since = None,
) -> list[AlertAnswer]:
    """Alerts of one service, as in the list of all."""
    return await _page(alerts, clock(), page, state, severity, service.name, since)


@router.get("/alerts/{id}/history", summary="History of an alert", responses=responses(404, 422))
async def get_alert_history(
    alerts: Alerts,
    clock: ServerClock,
    id: AlertPath,  # noqa: A002 - the path's word
) -> AlertHistoryAnswer:
    """Every transition, with who and why, and every notification with how it went."""
    alert, lines, notifications = await alerts.history(id, DEFAULT_LIMIT)
    return AlertHistoryAnswer(
        alert=_answer(alerts, alert, clock()),
        transitions=[HistoryLineAnswer.model_validate(line) for line in lines],
        notifications=[NotificationAnswer.model_validate(n) for n in notifications],
    )


async def _existing(alerts: Alerts, id: AlertPath) -> Alert:  # noqa: A002 - the path's word
    return await alerts.alert(id)


@router.patch(
    "/alerts/{id}/acknowledge", summary="Acknowledge an alert", responses=responses(404, 409)
)
async def acknowledge_alert(
    alerts: Alerts,
    clock: ServerClock,
    alert: Annotated[Alert, Depends(_existing)],
    body: AcknowledgeRequest,
) -> AlertAnswer:
    """Suppress notifications until it rises or ends. Twice is as once; 409 where it has ended.

    It counts for the alert as it is now: if it rises before the alerts service has noted this,
    the history says `ack_too_late`, and a notification goes out.
    """
    now = clock()
    return _answer(alerts, await alerts.acknowledge(alert.id, body, now), now)


@router.get("/notifications", summary="Notifications, newest first")
async def list_notifications(
    alerts: Alerts,
    page: LongIdPage,
    state: Annotated[
        str | None, Query(pattern="^(pending|sent|dead)$", description="`dead`: given up")
    ] = None,
    channel: Annotated[str | None, Query(max_length=63, pattern=TEXT_PATTERN)] = None,
) -> list[NotificationAnswer]:
    """What was sent where; of what was not delivered, why, and when it is tried again."""
    query = NotificationQuery(page.after or LARGEST_ID, page.fetch_limit, state, channel)
    found = await alerts.notifications(query)
    return [NotificationAnswer.model_validate(n) for n in page.cut(found, lambda n: [n.id])]


def _answer(alerts: AlertService, alert: Alert, now: datetime) -> AlertAnswer:
    return AlertAnswer.of(alert, alerts.figures_now(alert, now))


async def _page(  # noqa: PLR0913, PLR0917 - a filter for each parameter
    alerts: AlertService,
    now: datetime,
    page: Page[int],
    states: Sequence[AlertState] | None,
    severities: Sequence[Severity] | None,
    service_name: str | None,
    since: datetime | None,
) -> list[AlertAnswer]:
    of = (tuple(states or ()), tuple(severities or ()), service_name, since)
    page.response.headers.update(await alerts.headers(now))
    found = await alerts.alerts(AlertQuery(page.after or LARGEST_ID, page.fetch_limit, *of))
    return [_answer(alerts, alert, now) for alert in page.cut(found, lambda a: [a.id])]
