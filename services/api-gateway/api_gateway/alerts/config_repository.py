"""Rules, silences, channels, acknowledgements in PostgreSQL: a write, its event, its audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, text, update

from api_gateway.alerts.domain import (
    Acknowledgement,
    AlertIntent,
    Channel,
    Silence,
    StoredRule,
    event_of,
    key_of,
)
from api_gateway.alerts.ports import Alert
from api_gateway.alerts.repository import AlertResults
from api_gateway.alerts.tables import (
    alert_rules,
    channel_of,
    channels,
    rule_of,
    silence_of,
    silences,
)
from api_gateway.storage.unit_of_work import NEXT_REVISION, Store, Writing
from common.alerting.silences import Matcher
from common.kafka.topics import RULES
from common.storage.audit import AuditEvent
from common.storage.database import Database
from common.storage.outbox import Outbox

_ACKNOWLEDGE = text(
    """INSERT INTO catalog.acknowledgements (episode_id, version, actor, comment)
    VALUES (:episode_id, :version, :actor, :comment) RETURNING revision, created_at"""
)
# of an episode only the newest matters, and of one that has ended none
_ACKNOWLEDGEMENTS = text(
    """SELECT DISTINCT ON (a.episode_id) a.*, e.service_name
    FROM catalog.acknowledgements a JOIN alerts.episode e ON e.id = a.episode_id
    WHERE e.resolved_at IS NULL ORDER BY a.episode_id, a.revision DESC"""
)


class PostgresAlerts(Store["AlertReads", "AlertWrites"]):
    """Readers and writers of what users want of alerts."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox, AlertReads, AlertWrites)


class AlertReads(AlertResults):
    """Reads what is stored."""

    async def rules(self) -> list[StoredRule]:
        """Return the rules in use, by name."""
        statement = select(alert_rules).where(alert_rules.c.retired_at.is_(None))
        rows = await self._session.execute(statement.order_by(alert_rules.c.name.collate("C")))
        return [rule_of(row) for row in rows]

    async def silences(self, before: int, limit: int) -> list[Silence]:
        """Return silences, newest first."""
        statement = (
            select(silences)
            .where(silences.c.id < before)
            .order_by(silences.c.id.desc())
            .limit(limit)
        )
        return [silence_of(row) for row in await self._session.execute(statement)]

    async def silence(self, silence_id: int) -> Silence | None:
        """Return one silence."""
        statement = select(silences).where(silences.c.id == silence_id)
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else silence_of(row)

    async def channels(self) -> list[Channel]:
        """Return the channels in use, by name."""
        statement = select(channels).where(channels.c.retired_at.is_(None))
        rows = await self._session.execute(statement.order_by(channels.c.name.collate("C")))
        return [channel_of(row) for row in rows]

    async def wanted(self, now: datetime) -> list[AlertIntent]:
        """Return the newest revisions of all that is not over."""
        newest = select(alert_rules).order_by(alert_rules.c.revision)
        named = {row.name: rule_of(row) for row in await self._session.execute(newest)}
        by_revision = select(channels).order_by(channels.c.revision)
        known = {row.name: channel_of(row) for row in await self._session.execute(by_revision)}
        open_ones = select(silences).where(silences.c.ends_at > now)
        quiet = [silence_of(row) for row in await self._session.execute(open_ones)]
        taken = [
            Acknowledgement(
                row.episode_id,
                row.service_name,
                row.version,
                row.actor,
                row.comment,
                row.revision,
                row.created_at,
            )
            for row in await self._session.execute(_ACKNOWLEDGEMENTS)
        ]
        return [*named.values(), *known.values(), *quiet, *taken]


class AlertWrites(AlertReads):
    """Writes, announces and records."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing.session)
        self._writing = writing

    async def put_rule(self, name: str, document: dict[str, Any]) -> None:
        """Store a rule."""
        changed = await self._session.execute(
            update(alert_rules)
            .where(alert_rules.c.name == name, alert_rules.c.retired_at.is_(None))
            .values(document=document, revision=NEXT_REVISION, updated_at=func.now())
            .returning(*alert_rules.c)
        )
        rows = changed.all()
        if not rows:
            added = insert(alert_rules).values(name=name, document=document)
            rows = (await self._session.execute(added.returning(*alert_rules.c))).all()
        await self.announce([rule_of(row) for row in rows])

    async def retire_rule(self, name: str) -> None:
        """Delete a rule."""
        statement = (
            update(alert_rules)
            .where(alert_rules.c.name == name, alert_rules.c.retired_at.is_(None))
            .values(retired_at=func.now(), updated_at=func.now(), revision=NEXT_REVISION)
        )
        rows = await self._session.execute(statement.returning(*alert_rules.c))
        await self.announce([rule_of(row) for row in rows])

    async def add_silence(
        self, matchers: Sequence[Matcher], span: tuple[datetime, datetime], by: str, comment: str
    ) -> Silence:
        """Store a silence."""
        values = {
            "matchers": msgspec.to_builtins(list(matchers)),
            "starts_at": span[0],
            "ends_at": span[1],
            "created_by": by,
            "comment": comment,
        }
        statement = insert(silences).values(values).returning(*silences.c)
        added = silence_of((await self._session.execute(statement)).one())
        await self.announce([added])
        return added

    async def expire_silence(self, silence_id: int, by: str, now: datetime) -> Silence:
        """End a silence; one that has not begun never does."""
        statement = (
            update(silences)
            .where(silences.c.id == silence_id)
            .values(
                starts_at=func.least(silences.c.starts_at, now),
                ends_at=now,
                expired_by=by,
                revision=NEXT_REVISION,
            )
        )
        rows = await self._session.execute(statement.returning(*silences.c))
        ended = silence_of(rows.one())
        await self.announce([ended])
        return ended

    async def add_channel(self, name: str, kind: str, secrets: dict[str, str]) -> Channel:
        """Store a channel."""
        statement = insert(channels).values(name=name, kind=kind, secrets=secrets, enabled=True)
        return await self._changed_channel(statement.returning(*channels.c))

    async def change_channel(self, channel_id: int, **columns: Any) -> Channel:
        """Store other values."""
        statement = (
            update(channels)
            .where(channels.c.id == channel_id)
            .values(**columns, revision=NEXT_REVISION, updated_at=func.now())
        )
        return await self._changed_channel(statement.returning(*channels.c))

    async def acknowledge(self, alert: Alert, actor: str, comment: str) -> Acknowledgement:
        """Store an acknowledgement."""
        values = {
            "episode_id": alert.id,
            "version": alert.version,
            "actor": actor,
            "comment": comment,
        }
        revision, created_at = (await self._session.execute(_ACKNOWLEDGE, values)).one()
        made = Acknowledgement(
            alert.id, alert.service_name, alert.version, actor, comment, revision, created_at
        )
        await self.announce([made])
        return made

    async def announce(self, intents: Sequence[AlertIntent]) -> None:
        """Put events into the outbox; the same revision is announced once."""
        await self._writing.announce(RULES.name, [(key_of(i), event_of(i)) for i in intents])

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        await self._writing.record(deed)

    async def _changed_channel(self, statement: Any) -> Channel:
        changed = channel_of((await self._session.execute(statement)).one())
        await self.announce([changed])
        return changed
