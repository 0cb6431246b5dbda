"""/api/audit: who changed what, from which value to which, in pages and as a file."""

from typing import Annotated, Final, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api_gateway.audit.domain import AuditFilter
from api_gateway.audit.schemas import AuditAnswer
from api_gateway.audit.service import AuditService
from api_gateway.http.operations import Operations
from api_gateway.http.pagination import LARGEST_ID, LINK_HEADER, IdPage
from api_gateway.http.time_range import RFC_3339_FORMAT, instant
from api_gateway.http.types import TEXT_PATTERN
from api_gateway.routers.dependencies import provided
from common.storage.audit_files import AuditFormat

router = Operations(prefix="/api/audit", tags=["audit"])

Audit = Annotated[AuditService, provided(AuditService)]

MAX_NAME_LENGTH = 160
MEDIA_TYPES: Final[dict[AuditFormat, str]] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
FILE_SCHEMA = {"schema": {"type": "string"}}
ANSWERS = {
    "headers": LINK_HEADER,
    "content": dict.fromkeys(MEDIA_TYPES.values(), FILE_SCHEMA),
}


Words = Annotated[str | None, Query(max_length=MAX_NAME_LENGTH, pattern=TEXT_PATTERN)]
Time = Annotated[str | None, Query(max_length=64, json_schema_extra=RFC_3339_FORMAT)]


async def _filter(  # noqa: PLR0913, PLR0917 - what may be asked for
    service: Annotated[Words, Query(description="Only of this service")] = None,
    subject: Annotated[Words, Query(description="Only of this, as `override/12`")] = None,
    object_type: Annotated[
        Words, Query(description="Only of objects of this type", examples=["target"])
    ] = None,
    object_name: Annotated[
        Words, Query(description="Only of objects with this id or name", examples=["payments"])
    ] = None,
    person: Annotated[
        Words, Query(description="Only by this credential (id or name), or on behalf of this name")
    ] = None,
    action: Annotated[
        Words,
        Query(description="Only this, whole or its last part", examples=["target.changed", "used"]),
    ] = None,
    from_: Annotated[Time, Query(alias="from", description="RFC 3339; not before")] = None,
    to: Annotated[Time, Query(description="RFC 3339; before")] = None,
) -> AuditFilter:
    return AuditFilter(
        service_name=service,
        subject=subject,
        object_type=object_type,
        object_name=object_name,
        person=person,
        action=action,
        since=None if from_ is None else instant("from", from_),
        until=None if to is None else instant("to", to),
    )


async def _file_format(
    request: Request,
    form: Annotated[
        Literal["json", AuditFormat] | None,
        Query(
            alias="format",
            description="A file of all that is asked for, oldest first, without pages, which "
            "`burnline audit verify` verifies; default: by `Accept`, else json",
        ),
    ] = None,
) -> AuditFormat | None:
    if form is not None:
        return None if form == "json" else form
    accepted = request.headers.get("accept", "").lower()
    return next((form for form, media in MEDIA_TYPES.items() if media in accepted), None)


@router.get(
    "",
    summary="Audit, newest first",
    response_model=list[AuditAnswer],
    responses={200: ANSWERS},
)
async def list_audit(
    audit: Audit,
    page: IdPage,
    chosen: Annotated[AuditFilter, Depends(_filter)],
    file_format: Annotated[AuditFormat | None, Depends(_file_format)],
) -> list[AuditAnswer] | Response:
    """Entries are never changed; `burnline audit verify` proves it by their hashes."""
    if file_format is not None:
        parts = await audit.export(chosen, file_format)
        name = f'attachment; filename="burnline-audit.{file_format}"'
        return StreamingResponse(
            parts,
            media_type=MEDIA_TYPES[file_format],
            headers={"Content-Disposition": name, "Vary": "Accept"},
        )
    found = await audit.newest(chosen, page.after or LARGEST_ID, page.fetch_limit)
    return [AuditAnswer.of(entry) for entry in page.cut(found, lambda entry: [entry.id])]
