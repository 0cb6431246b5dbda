"""What users may do with alerts: look at them, take them on, silence them."""

from collections.abc import Sequence
from datetime import datetime

from api_gateway.alerts.domain import Silence, key_of
from api_gateway.alerts.ports import Alert, AlertReader, AlertStore
from api_gateway.http.problems import invalid, refused
from common.alerting.silences import Matcher, check_silence
from common.http.problems import Problem
from common.invalid_field import InvalidFieldError
from common.storage.audit import AuditEvent


class Alerting:
    """Acknowledgements and silences: each is one transaction, with its event and its audit."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    async def acknowledge(
        self, alert_id: int, actor: str, comment: str, version: int | None, now: datetime
    ) -> Alert:
        """Take on an alert as it is now, or has been taken on already; 404, 409.

        `version` is what the user has seen: another one by now is a conflict.
        """
        async with self._store.write() as writer:
            alert = await existing_alert(writer, alert_id)
            if alert.state == "resolved":
                detail = (
                    f"alert {alert_id} ended at {alert.resolved_at}; there is nothing to take on"
                )
                raise Problem(409, "already_resolved", detail)
            if version is not None and version != alert.version:
                detail = f"is {alert.version} by now ({alert.message}); look again, then take it on"
                raise invalid("version", "changed_meanwhile", detail, 409)
            if alert.state == "acknowledged":
                return alert
            await writer.acknowledge(alert, actor, comment)
            details = {"version": alert.version, "rule": alert.rule, "comment": comment}
            subject, service = f"alert/{alert_id}", alert.service_name
            await writer.record(
                AuditEvent(now, actor, "alert.acknowledged", subject, service, details)
            )
            return await existing_alert(writer, alert_id)

    async def silence(
        self,
        matchers: Sequence[Matcher],
        span: tuple[datetime, datetime],
        created_by: str,
        comment: str,
        now: datetime,
    ) -> Silence:
        """Store a silence; 422 names what is wrong with it."""
        try:
            check_silence(matchers, *span)
        except InvalidFieldError as error:
            raise refused(error) from None
        if span[1] <= now:
            raise invalid("ends_at", "in_the_past", "must be in the future")
        async with self._store.write() as writer:
            made = await writer.add_silence(matchers, span, created_by, comment)
            details = {"comment": comment, "matchers": [_shown(m) for m in matchers]}
            await writer.record(
                AuditEvent(now, created_by, "silence.created", key_of(made), None, details)
            )
        return made

    async def expire(self, silence_id: int, actor: str, reason: str, now: datetime) -> Silence:
        """End a silence now; one that has ended stays as it is. 404."""
        async with self._store.write() as writer:
            found = await existing_silence(writer, silence_id)
            if found.state(now) == "expired":
                return found
            ended = await writer.expire_silence(silence_id, actor, now)
            deed = AuditEvent(
                now, actor, "silence.expired", key_of(ended), None, {"reason": reason}
            )
            await writer.record(deed)
        return ended


async def existing_alert(reader: AlertReader, alert_id: int) -> Alert:
    """Return an alert; 404."""
    alert = await reader.alert(alert_id)
    if alert is None:
        detail = f"There is no alert {alert_id}; GET /api/alerts lists those there are."
        raise Problem(404, "unknown_alert", detail)
    return alert


async def existing_silence(reader: AlertReader, silence_id: int) -> Silence:
    """Return a silence; 404."""
    silence = await reader.silence(silence_id)
    if silence is None:
        detail = f"There is no silence {silence_id}; GET /api/silences lists those there are."
        raise Problem(404, "unknown_silence", detail)
    return silence


def _shown(matcher: Matcher) -> str:
    sign = ("=~" if matcher.is_glob else "=") if matcher.is_equal else "!="
    return f"{matcher.name}{sign}{matcher.value}"
