"""The audit in PostgreSQL, as it is read."""

from dataclasses import asdict

from sqlalchemy import text

from api_gateway.audit.domain import AuditFilter
from api_gateway.storage.unit_of_work import Reader, ReadStore
from common.storage.audit import GENESIS, AuditEntry
from common.storage.audit_files import ExportStart

_COLUMNS = """id, at, actor, credential, on_behalf_of, action, subject, service_name,
    details::text AS details, previous_hash, hash"""
_CHOSEN = """(CAST(:service_name AS text) IS NULL OR service_name = :service_name)
    AND (CAST(:subject AS text) IS NULL OR subject = :subject)
    AND (CAST(:object_type AS text) IS NULL OR split_part(subject, '/', 1) = :object_type)
    AND (CAST(:object_name AS text) IS NULL OR :object_name IN
        (substr(subject, strpos(subject, '/') + 1), details ->> 'name'))
    AND (CAST(:person AS text) IS NULL OR :person IN
        (actor, substr(actor, strpos(actor, '/') + 1), credential, on_behalf_of))
    AND (CAST(:action AS text) IS NULL OR :action IN
        (action, substr(action, strpos(action, '.') + 1)))
    AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR at < :until)"""

_NEWEST = text(
    f"""SELECT {_COLUMNS} FROM catalog.audit
    WHERE id < :before AND {_CHOSEN} ORDER BY id DESC LIMIT :limit"""  # noqa: S608 - constants
)
_OLDEST = text(
    f"""SELECT {_COLUMNS} FROM catalog.audit
    WHERE id > :after AND id <= :last AND {_CHOSEN} ORDER BY id LIMIT :limit"""  # noqa: S608
)
_WHOLE = text("SELECT id, hash, id AS entries FROM catalog.audit_head")
_SELECTION = text(
    f"""SELECT id, hash, count(*) OVER () AS entries FROM catalog.audit
    WHERE {_CHOSEN} ORDER BY id DESC LIMIT 1"""  # noqa: S608 - constants
)


class AuditReader(Reader):
    """Reads entries."""

    async def newest(self, chosen: AuditFilter, before: int, limit: int) -> list[AuditEntry]:
        """Return up to `limit` entries of smaller numbers than `before`, newest first."""
        asked = {**asdict(chosen), "before": before, "limit": limit}
        return await self._all(AuditEntry, _NEWEST, asked)

    async def oldest(
        self, chosen: AuditFilter, after: int, last: int, limit: int
    ) -> list[AuditEntry]:
        """Return up to `limit` entries of greater numbers than `after`, up to `last`, by number."""
        asked = {**asdict(chosen), "after": after, "last": last, "limit": limit}
        return await self._all(AuditEntry, _OLDEST, asked)

    async def export_start(self, chosen: AuditFilter) -> ExportStart:
        """Return what an export of these entries begins with: their number and the last of them.

        That of the whole audit is what stands as its newest entry, whether or not it is there.
        """
        selection = chosen.in_words()
        statement = _WHOLE if selection is None else _SELECTION
        row = (await self._session.execute(statement, asdict(chosen))).one_or_none()
        if row is None:
            return ExportStart(0, 0, GENESIS, selection)
        return ExportStart(row.entries, row.id, row.hash, selection)


class AuditStore(ReadStore[AuditReader]):
    """Opens readers of the audit."""

    reader = AuditReader
