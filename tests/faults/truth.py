"""What a test sends, with what it means: the truth that the product must arrive at by itself."""

from dataclasses import dataclass
from typing import Final

NUMBER_HEADER: Final = "number"
"""Tells which of the records sent a record of the log is."""

Header = tuple[str, bytes | None]
Bounds = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A report that counts; `timestamp_micros` since 1970, `latency` bounds in seconds."""

    service: str
    timestamp_micros: int
    total: int
    bad: int
    source: str = ""
    event_id: str = ""
    window_seconds: int = 10
    latency: tuple[Bounds, tuple[int, ...]] | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """What must be equal for two events with one id to be the same."""
        return (self.timestamp_micros, self.window_seconds, self.total, self.bad, self.latency)

    @property
    def identity(self) -> tuple[object, ...] | None:
        """What makes two events one; None where nothing names it."""
        if self.event_id:
            return ("id", self.service, self.source, self.event_id)
        return ("content", self.service, self.source, self.content) if self.source else None


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as it is sent: it holds an `event`, or is wrong in the way that `code` names."""

    number: int
    partition: int
    key: bytes | None
    value: bytes | None
    event: Event | None
    code: str | None = None
    headers: tuple[Header, ...] = ()

    @property
    def all_headers(self) -> list[Header]:
        """Its headers with the number."""
        return [(NUMBER_HEADER, str(self.number).encode()), *self.headers]


class UnreadableName(str):
    """A header name that goes out as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        """Return what is not UTF-8."""
        return b"\xff\xfe"
