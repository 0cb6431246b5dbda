"""Keyset paging by name: the cursor is the last name shown, opaque to the client."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from api_gateway.catalog.domain import Service
from common.http.problems import FieldError, Problem
from common.slo.vocabulary import is_service_name

DEFAULT_LIMIT, MAX_LIMIT = 200, 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are asked for: up to `limit` of those whose names sort after `after`."""

    after: str
    limit: int

    def cut(
        self, services: Sequence[Service], request: Request, response: Response
    ) -> list[Service]:
        """Return the page's rows of one row more than asked for; link to the next page."""
        shown = list(services[: self.limit])
        if len(services) > self.limit:
            query = urlencode({"limit": self.limit, "cursor": _encode(shown[-1].name)})
            response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
        return shown


async def page(
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="Rows in one answer")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str, Query(max_length=128, description="From the `Link` header of the page before")
    ] = "",
) -> Page:
    """Read the paging parameters."""
    return Page(_decode(cursor), limit)


PageQuery = Annotated[Page, Depends(page)]

LINK_HEADER = {
    "Link": {
        "description": 'The next page as `<path?query>; rel="next"`; left out on the last page',
        "schema": {"type": "string"},
    }
}


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    if not cursor:
        return ""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        name = ""
    if not is_service_name(name):
        detail = "is no cursor of this list; take it from the `Link` header as it is"
        error = FieldError(field="cursor", code="invalid_cursor", detail=detail)
        raise Problem(422, "invalid_request", f"cursor: {detail}", errors=[error])
    return name
