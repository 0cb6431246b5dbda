"""Reads the audit: in pages, and as a file."""

from collections.abc import AsyncIterator

from api_gateway.audit.domain import AuditFilter
from api_gateway.audit.repository import AuditStore
from common.storage.audit import AuditEntry
from common.storage.audit_files import (
    AuditFormat,
    ExportStart,
    csv_header,
    csv_record,
    ndjson_record,
)

ENTRIES_AT_ONCE = 500
_HEADERS = {"csv": csv_header(), "ndjson": ""}
_WRITE = {"csv": csv_record, "ndjson": ndjson_record}


class AuditService:
    """The audit, to which nothing can be done here."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def newest(self, chosen: AuditFilter, before: int, limit: int) -> list[AuditEntry]:
        """Return up to `limit` entries of smaller numbers than `before`, newest first."""
        async with self._store.read() as reader:
            return await reader.newest(chosen, before, limit)

    async def export(self, chosen: AuditFilter, form: AuditFormat) -> AsyncIterator[str]:
        """Return the parts of a file of the entries there are now, oldest first."""
        async with self._store.read() as reader:
            start = await reader.export_start(chosen)
        return self._parts(chosen, form, start)

    async def _parts(
        self, chosen: AuditFilter, form: AuditFormat, start: ExportStart
    ) -> AsyncIterator[str]:
        write, last = _WRITE[form], 0
        yield _HEADERS[form] + write(start)
        while last < start.id:
            # entries are never changed, so that pages read one after another are of one moment
            async with self._store.read() as reader:
                entries = await reader.oldest(chosen, last, start.id, ENTRIES_AT_ONCE)
            if not entries:
                return
            yield "".join(map(write, entries))
            last = entries[-1].id
