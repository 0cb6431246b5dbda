"""Read the time from one injected clock; domain functions take `now` as an argument."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present instant, always aware and in UTC."""

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MICROSECOND = timedelta(microseconds=1)


def system_clock() -> datetime:
    """Return the wall clock in UTC."""
    return datetime.now(UTC)


def rfc3339(instant: datetime, *, precision: str = "auto") -> str:
    """Return an instant as RFC 3339 has it, in UTC; `precision` as `isoformat` takes it."""
    return instant.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def to_micros(instant: datetime) -> int:
    """Return whole microseconds since 1970, exact (a float of seconds is not)."""
    return (instant - _EPOCH) // _ONE_MICROSECOND


def whole_seconds(instant: datetime) -> int:
    """Return the first whole second since 1970 that is not before an instant."""
    return -(-to_micros(instant) // MICROSECONDS)


def from_micros(micros: int) -> datetime:
    """Return the UTC instant of whole microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)
