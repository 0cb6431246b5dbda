"""Operations on alerts, their notifications and silences."""

from datetime import UTC, datetime, timedelta

from api_gateway.alerts.domain import (
    Alert,
    AlertQuery,
    Confirmation,
    HistoryLine,
    Notification,
    NotificationQuery,
    Silence,
    key_of,
)
from api_gateway.alerts.repository import AlertReader, AlertStore
from api_gateway.alerts.schemas import AcknowledgeRequest, SilenceRequest
from api_gateway.alerts.silences import Silenceable, shown_matcher, silence_edit, silence_end
from api_gateway.http.pagination import LARGEST_ID
from api_gateway.http.problems import existing, invalid, refusing
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.guard import LooseningGuard
from api_gateway.projections.snapshots import ReadModel
from common.access.principal import current_actor
from common.alerting.silences import check_silence
from common.events import AlertFigures
from common.http.problems import Problem
from common.slo.freshness import is_silent
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes


class AlertService:
    """Alerts and silences: each write is one transaction, with its event and its audit."""

    def __init__(
        self,
        store: AlertStore,
        guard: LooseningGuard,
        read_model: ReadModel,
        silence: timedelta = timedelta(seconds=15),
    ) -> None:
        self._store, self._guard = store, guard
        self._read_model, self._silence = read_model, silence

    async def headers(self, now: datetime) -> dict[str, str]:
        """Return what an answer says of how recent it is."""
        found = self.confirmation(await self.lived_at(), now)
        at = {} if found.at is None else {"Alerts-Confirmed-At": found.at.isoformat()}
        return {"Alerts-Status": found.status, **at}

    async def lived_at(self) -> datetime | None:
        """Return the alerts service's newest sign of life, of the shard that is furthest behind."""
        async with self._store.read() as reader:
            return await reader.confirmed_at()

    def confirmation(self, lived_at: datetime | None, now: datetime) -> Confirmation:
        """Return whether alerts are those of now: the service lives, and has figures to go by.

        What it has not evaluated is not in the list: else an empty one means nothing.
        """
        silent = is_silent(lived_at, now, self._silence) or self._read_model.any_silent(now)
        if lived_at is None:
            return Confirmation("lagging", None)
        at = min(lived_at, self._read_model.heard_at() or lived_at).astimezone(UTC)
        return Confirmation("lagging" if silent else "ok", at)

    def figures_now(self, alert: Alert, now: datetime) -> AlertFigures | None:
        """Return the figures of an open alert's objective now; None where they are not known."""
        if alert.state == "resolved":
            return None
        return self._read_model.figures(alert.service_name, alert.slo, now)

    async def alerts(self, query: AlertQuery) -> list[Alert]:
        """Return alerts, newest first."""
        async with self._store.read() as reader:
            return await reader.alerts(query)

    async def alert(self, alert_id: int) -> Alert:
        """Return an alert; 404."""
        async with self._store.read() as reader:
            return await _existing_alert(reader, alert_id)

    async def history(
        self, alert_id: int, limit: int
    ) -> tuple[Alert, list[HistoryLine], list[Notification]]:
        """Return an alert, its transitions and up to `limit` of its notifications; 404."""
        async with self._store.read() as reader:
            alert, lines = await _existing_alert(reader, alert_id), await reader.history(alert_id)
            query = NotificationQuery(LARGEST_ID, limit, episode_id=alert_id)
            return alert, lines, await reader.notifications(query)

    async def notifications(self, query: NotificationQuery) -> list[Notification]:
        """Return notifications, newest first."""
        async with self._store.read() as reader:
            return await reader.notifications(query)

    async def acknowledge(self, alert_id: int, body: AcknowledgeRequest, now: datetime) -> Alert:
        """Acknowledge an alert as it is now; one that is acknowledged stays so. 404, 409.

        `version` is what the user has seen: another one by now is a conflict.
        """
        async with self._store.write() as writer:
            alert = await _existing_alert(writer, alert_id)
            if alert.state == "resolved":
                detail = f"alert {alert_id} ended at {alert.resolved_at}; nothing is left of it"
                raise Problem(409, "already_resolved", detail)
            if body.version is not None and body.version != alert.version:
                detail = f"is {alert.version} by now ({alert.message}); look again first"
                raise invalid("version", "changed_meanwhile", detail, 409)
            if alert.state == "acknowledged":
                return alert
            await writer.acknowledge(alert, current_actor(), body.actor, body.comment)
            details = {"version": alert.version, "rule": alert.rule, "comment": body.comment}
            changes = field_changes({"state": alert.state}, {"state": "acknowledged"})
            subject, service = f"alert/{alert_id}", alert.service_name
            await writer.record(
                AuditEvent(
                    now, "alert.acknowledged", subject, service, details, changes, body.actor
                )
            )
            return await _existing_alert(writer, alert_id)

    async def silences(self, before: int, limit: int) -> list[Silence]:
        """Return up to `limit` silences with smaller ids than `before`, newest first."""
        async with self._store.read() as reader:
            return await reader.silences(before, limit)

    async def silence(self, silence_id: int) -> Silence:
        """Return a silence; 404."""
        async with self._store.read() as reader:
            return await _existing_silence(reader, silence_id)

    async def silenceable(self) -> Silenceable:
        """Return all that there is to be silenced."""
        async with self._store.read() as reader:
            return await reader.silenceable()

    async def add_silence(self, body: SilenceRequest, terms: Terms, now: datetime) -> Silence:
        """Store a silence; 422 names the wrong field."""
        matchers, span = [matcher.matcher() for matcher in body.matchers], body.span(now)
        with refusing():
            check_silence(matchers, *span)
        if span[1] <= now:
            raise invalid("ends_at", "in_the_past", "must be in the future")
        async with self._store.write() as writer:
            added = await writer.add_silence(
                matchers,
                span,
                created_by=current_actor(),
                on_behalf_of=body.created_by,
                comment=body.comment,
            )
            matched = (await writer.silenceable()).matched(matchers)
            await self._guard.admit(writer.unit, silence_edit(added, matched), terms)
            details = {
                "comment": body.comment,
                "matchers": [shown_matcher(m) for m in matchers],
                "starts_at": added.starts_at.isoformat(),
                "ends_at": added.ends_at.isoformat(),
            }
            changes, subject = field_changes(None, details), key_of(added)
            await writer.record(
                AuditEvent(now, "silence.created", subject, None, details, changes, body.created_by)
            )
        return added

    async def expire_silence(self, silence_id: int, by: Terms, now: datetime) -> Silence:
        """End a silence now; one that has ended stays as it is. 404."""
        async with self._store.write() as writer:
            found = await _existing_silence(writer, silence_id)
            if found.state(now) == "expired":
                return found
            ended = await writer.expire_silence(silence_id, current_actor(), by.on_behalf_of, now)
            await self._guard.admit(writer.unit, silence_end(ended), by)
            details = {"reason": by.reason, "ends_at": ended.ends_at.isoformat()}
            old = {"ends_at": found.ends_at.isoformat()}
            changes = field_changes(old, {"ends_at": details["ends_at"]})
            subject = key_of(ended)
            await writer.record(
                AuditEvent(now, "silence.expired", subject, None, details, changes, by.on_behalf_of)
            )
        return ended


async def _existing_alert(reader: AlertReader, alert_id: int) -> Alert:
    detail = f"There is no alert {alert_id}; GET /api/alerts lists those there are."
    return existing(await reader.alert(alert_id), "unknown_alert", detail)


async def _existing_silence(reader: AlertReader, silence_id: int) -> Silence:
    detail = f"There is no silence {silence_id}; GET /api/silences lists those there are."
    return existing(await reader.silence(silence_id), "unknown_silence", detail)
