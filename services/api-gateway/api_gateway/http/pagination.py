"""Keyset paging: the cursor is the key of the last row shown, opaque to the client."""

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request, Response

from api_gateway.http.problems import invalid
from api_gateway.http.types import NO_TEXT
from common.slo.vocabulary import is_service_name

DEFAULT_LIMIT, MAX_LIMIT = 200, 1000
DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT = 50, 500
LARGEST_ID = 2**63 - 1
"""Of PostgreSQL's bigint."""

FROM_THE_LINK = "From the `Link` header of the page before"
LINK_HEADER = {
    "Link": {
        "description": 'The next page as `<path?query>; rel="next"`; left out on the last page',
        "schema": {"type": "string"},
    }
}

Key = TypeVar("Key")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Key]):
    """Up to `limit` rows that come after the one with the key `after`; None: the first ones."""

    after: Key | None
    limit: int
    request: Request
    response: Response

    @property
    def fetch_limit(self) -> int:
        """One row more than is shown, to see whether there is a next page."""
        return self.limit + 1

    def cut(self, rows: Sequence[Row], key_of: Callable[[Row], Sequence[str | int]]) -> list[Row]:
        """Return the rows to show of up to `fetch_limit`; link the response to the next page."""
        shown = list(rows[: self.limit])
        if len(rows) > self.limit:
            next_page = self.request.url.include_query_params(cursor=_encode(key_of(shown[-1])))
            self.response.headers["Link"] = f'<{next_page.path}?{next_page.query}>; rel="next"'
        return shown


def page_of(
    read_key: Callable[[Any], Key],
    default_limit: int = DEFAULT_HISTORY_LIMIT,
    max_limit: int = MAX_HISTORY_LIMIT,
    max_cursor_length: int = 512,
) -> Callable[..., Awaitable[Page[Key]]]:
    """Return a dependency that reads the paging parameters.

    `read_key` makes the key from a cursor's content; it raises ValueError or TypeError for what
    is none.
    """

    async def page(
        request: Request,
        response: Response,
        limit: Annotated[
            int, Query(ge=1, le=max_limit, description="Rows in one answer")
        ] = default_limit,
        cursor: Annotated[
            str,
            Query(max_length=max_cursor_length, description=FROM_THE_LINK),
        ] = "",
    ) -> Page[Key]:
        return Page(_decode(cursor, read_key) if cursor else None, limit, request, response)

    return page


def id_key(parts: Any) -> int:
    """Read a key that is one number of PostgreSQL's bigint."""
    (number,) = parts
    if type(number) is not int or not 0 < number <= LARGEST_ID:
        raise ValueError(number)
    return number


def text_key(parts: Any) -> str:
    """Read a key that is one text."""
    (text,) = parts
    if type(text) is not str or NO_TEXT.search(text):
        raise ValueError(text)
    return text


def _name_key(parts: Any) -> str:
    name = text_key(parts)
    if not is_service_name(name):
        raise ValueError(name)
    return name


NamePage = Annotated[Page[str], Depends(page_of(_name_key, DEFAULT_LIMIT, MAX_LIMIT, 128))]
IdPage = Annotated[Page[int], Depends(page_of(id_key))]
LongIdPage = Annotated[Page[int], Depends(page_of(id_key, DEFAULT_LIMIT))]


def _encode(key: Sequence[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps([*key]).encode()).decode().rstrip("=")


def _decode(cursor: str, read_key: Callable[[Any], Key]) -> Key:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
        return read_key(json.loads(content))
    except (ValueError, TypeError, OverflowError, RecursionError):
        detail = "is no cursor of this list; take it from the `Link` header as it is"
        raise invalid("cursor", "invalid_cursor", detail) from None
