"""The audit in PostgreSQL: appended to in the transaction of what it records."""

from sqlalchemy import text

from common.access.principal import current_actor, current_credential
from common.storage.audit import AuditEntry, AuditEvent, AuditHead, chained
from common.storage.database import WriteSession

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
