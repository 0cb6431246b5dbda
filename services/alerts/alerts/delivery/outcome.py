"""The outcome of an attempt to deliver, and when a failed delivery is retried. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from common.runtime.backoff import backoff_seconds
from common.strangers import one_line

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
    """A POST that is ready to be sent; its address and headers hold secrets."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names are in lower case, `body` may be truncated."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def shown(self) -> str:
        """Return the beginning of the body as one printable line."""
        text = self.body[: 4 * _SHOWN_CHARACTERS].decode(errors="replace")
        return one_line(text)[:_SHOWN_CHARACTERS]


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """Delivered, or why not. `final`: the receiver will never take the same request."""

    delivered: bool
    status_code: int | None = None
    error: str | None = None
    final: bool = False
    retry_after_seconds: float | None = None


DELIVERED = DeliveryOutcome(delivered=True)


def failed(error: str) -> DeliveryOutcome:
    """Return the outcome of an attempt without an answer."""
    return DeliveryOutcome(delivered=False, error=error)


def outcome_of(
    response: Response, now: datetime, accepts: Callable[[Response], bool] = lambda _: True
) -> DeliveryOutcome:
    """Return the outcome by status code: RFC 9110, and RFC 6585 for 429.

    A redirection is not followed, so it is a failure like any other. `accepts` says whether a
    success is one that this kind of receiver gives.
    """
    code = response.status_code
    if HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        if accepts(response):
            return DeliveryOutcome(delivered=True, status_code=code)
        error = f"HTTP {code}, but: {response.shown()}"
        return DeliveryOutcome(delivered=False, status_code=code, error=error)
    return DeliveryOutcome(
        delivered=False,
        status_code=code,
        error=f"HTTP {code}: {response.shown()}".removesuffix(": "),
        final=code in _FINAL,
        retry_after_seconds=_retry_after(response.headers.get("retry-after", ""), now),
    )


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of retrying: pauses double from the first to the longest."""

    first_seconds: float = 1.0
    longest_seconds: float = 300.0
    max_attempts: int = 20
    max_age_seconds: float = 24 * 3600.0

    def delay_seconds(self, outcome: DeliveryOutcome, attempts: int, draw: float) -> float:
        """Return the pause after so many attempts; `draw` is uniform in [0, 1).

        Half of the pause is random, so that what failed together does not come back together. A
        longer pause that the receiver asks for is kept.
        """
        pause = backoff_seconds(attempts, self.first_seconds, self.longest_seconds)
        return max(pause * (0.5 + draw / 2), outcome.retry_after_seconds or 0.0)

    def gives_up(self, outcome: DeliveryOutcome, attempts: int, age_seconds: float) -> bool:
        """Whether a failed delivery becomes a dead letter."""
        spent = attempts >= self.max_attempts or age_seconds >= self.max_age_seconds
        return outcome.final or spent


def _retry_after(value: str, now: datetime) -> float | None:
    """Return seconds from now; None where the header cannot be read."""
    if value.isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER_SECONDS)
    try:
        instant = parsedate_to_datetime(value)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return min(max((instant - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)
