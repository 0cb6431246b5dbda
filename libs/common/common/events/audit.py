"""The newest entry of the audit, as it was when the entry was written."""

from typing import Annotated

from msgspec import Meta, Struct

from common.events.fields import Instant


class AuditHeadMoved(Struct, frozen=True, tag_field="type", tag="audit_head_moved"):
    """An entry was appended to the audit: whoever cuts it off there has not cut it off here."""

    id: Annotated[int, Meta(ge=1, description="The entry's number")]
    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256 of the entry")]
    at: Instant
