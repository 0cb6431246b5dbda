"""Keyset paging of lists that are newest first: the cursor is the key of the last row shown."""

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from api_gateway.catalog.schemas import NO_TEXT
from api_gateway.catalog.service import invalid

DEFAULT_LIMIT, MAX_LIMIT = 50, 500

Key = TypeVar("Key")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Key]):
    """Which rows are asked for: up to `limit` of those after the key `before`."""

    before: Key | None
    limit: int
    request: Request
    response: Response

    @property
    def wanted(self) -> int:
        """One row more than is shown: it tells whether there is a next page."""
        return self.limit + 1

    def cut(self, rows: Sequence[Row], key_of: Callable[[Row], Sequence[str | int]]) -> list[Row]:
        """Return the page's rows of one more than are shown; link to the next page."""
        shown = list(rows[: self.limit])
        if len(rows) > self.limit:
            asked = {**self.request.query_params, "cursor": _encode(key_of(shown[-1]))}
            path = self.request.url.path
            self.response.headers["Link"] = f'<{path}?{urlencode(asked)}>; rel="next"'
        return shown


def keyset_page(
    read: Callable[[Any], Key], default_limit: int = DEFAULT_LIMIT
) -> Callable[..., Awaitable[KeysetPage[Key]]]:
    """Return a dependency that reads the paging parameters.

    `read` makes the key of what stands in a cursor; ValueError or TypeError where it is none.
    """

    async def page(
        request: Request,
        response: Response,
        limit: Annotated[
            int, Query(ge=1, le=MAX_LIMIT, description="Rows in one answer")
        ] = default_limit,
        cursor: Annotated[
            str, Query(max_length=512, description="From the `Link` header of the page before")
        ] = "",
    ) -> KeysetPage[Key]:
        before = _decode(cursor, read) if cursor else None
        return KeysetPage(before, limit, request, response)

    return page


def number_of(parts: Any) -> int:
    """Read a key that is one number of PostgreSQL's bigint."""
    (number,) = parts
    if type(number) is not int or not 0 < number < 2**63:
        raise ValueError(number)
    return number


def text_of(parts: Any) -> str:
    """Read a key that is one text."""
    (text,) = parts
    if type(text) is not str or NO_TEXT.search(text):
        raise ValueError(text)
    return text


def _encode(key: Sequence[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps([*key]).encode()).decode().rstrip("=")


def _decode(cursor: str, read: Callable[[Any], Key]) -> Key:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
        return read(json.loads(content))
    except (ValueError, TypeError, OverflowError, RecursionError):
        detail = "is no cursor of this list; take it from the `Link` header as it is"
        raise invalid("cursor", "invalid_cursor", detail) from None
