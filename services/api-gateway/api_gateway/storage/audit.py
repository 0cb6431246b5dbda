"""The audit in PostgreSQL: appended to in the transaction of what it records."""

from dataclasses import asdict, dataclass

from sqlalchemy import text

from api_gateway.storage.rows import from_row
from common.access.principal import current_actor, current_credential
from common.storage.audit import AuditEntry, AuditEvent, AuditHead, chained
from common.storage.database import ReadSession, WriteSession

_COLUMNS = """id, at, actor, credential, on_behalf_of, action, subject, service_name,
    details::text AS details"""

_PAGE = text(
    f"""SELECT {_COLUMNS}, previous_hash, hash FROM catalog.audit
    WHERE id < :before
      AND (CAST(:service_name AS text) IS NULL OR service_name = :service_name)
      AND (CAST(:subject AS text) IS NULL OR subject = :subject)
    ORDER BY id DESC LIMIT :limit"""  # noqa: S608 - a constant
)

# the row stays locked to the end of the transaction: one writer at a time
_HEAD = text("SELECT id, hash FROM catalog.audit_head FOR UPDATE")

_APPEND = text(
    """INSERT INTO catalog.audit
        (id, at, actor, credential, on_behalf_of, action, subject, service_name, details,
        previous_hash, hash)
    VALUES (:id, :at, :actor, :credential, :on_behalf_of, :action, :subject, :service_name,
        CAST(:details AS json), :previous_hash, :hash)"""
)

_MOVE_HEAD = text("UPDATE catalog.audit_head SET id = :id, hash = :hash")


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Entries older than number `before`, newest first; None: of every service or subject."""

    before: int
    limit: int
    service_name: str | None = None
    subject: str | None = None


async def append(session: WriteSession, event: AuditEvent) -> AuditEntry:
    """Add the next entry; it is there if the transaction is committed.

    The actor is the request's credential, whatever a person says of himself.
    """
    head = (await session.execute(_HEAD)).one()
    last = AuditHead(head.id, head.hash)
    entry = chained(last, event, current_actor(), current_credential())
    row = {name: getattr(entry, name) for name in AuditEntry.__struct_fields__}
    await session.execute(_APPEND, row)
    await session.execute(_MOVE_HEAD, {"id": entry.id, "hash": entry.hash})
    return entry


async def newest(session: ReadSession, query: AuditQuery) -> list[AuditEntry]:
    """Return the entries asked for, newest first."""
    return [from_row(AuditEntry, row) for row in await session.execute(_PAGE, asdict(query))]
