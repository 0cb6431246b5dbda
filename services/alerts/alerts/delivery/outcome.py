"""What came of an attempt to deliver, read from a receiver's answer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

LONGEST_RETRY_AFTER_SECONDS = 3600.0
_SHOWN_CHARACTERS = 200
# the receiver has understood the request and will refuse the same again
_FINAL = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """A POST that is ready to go out; its address and headers hold secrets."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; the names of headers are in lower case, `body` may be cut off."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def shown(self) -> str:
        """Return the beginning of the body as one printable line."""
        text = self.body[: 4 * _SHOWN_CHARACTERS].decode(errors="replace")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line[:_SHOWN_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Delivered, or why not. `final`: the same request will never be taken."""

    delivered: bool
    status_code: int | None = None
    error: str | None = None
    final: bool = False
    retry_after_seconds: float | None = None


DELIVERED = Outcome(delivered=True)


def failed(error: str) -> Outcome:
    """Return the outcome of an attempt that got no answer."""
    return Outcome(delivered=False, error=error)


def judge(response: Response, now: datetime) -> Outcome:
    """Return the outcome by status code: RFC 9110, and RFC 6585 for 429.

    A redirection is not followed, so it is a failure like any other.
    """
    code = response.status_code
    if HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(delivered=True, status_code=code)
    return Outcome(
        delivered=False,
        status_code=code,
        error=f"HTTP {code}: {response.shown()}".removesuffix(": "),
        final=code in _FINAL,
        retry_after_seconds=_retry_after(response.headers.get("retry-after", ""), now),
    )


def not_understood(response: Response) -> Outcome:
    """Return the outcome where the answer is a success that this receiver never gives."""
    code = response.status_code
    return Outcome(delivered=False, status_code=code, error=f"HTTP {code}, but: {response.shown()}")


def _retry_after(value: str, now: datetime) -> float | None:
    """Return seconds from now; None where the header says nothing that can be read."""
    if value.isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER_SECONDS)
    try:
        instant = parsedate_to_datetime(value)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return min(max((instant - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)
