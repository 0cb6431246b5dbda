"""A record that could not be taken, and why."""

from msgspec import Struct

from common.events.fields import Instant


class DeadLetter(Struct, frozen=True):
    """A record whose content is wrong, as it was, and why.

    `key` and `value` are base64, None for null; of a value of more than 256 KiB the beginning,
    `value_bytes` is its whole length.
    """

    code: str
    field: str
    detail: str
    topic: str
    partition: int
    offset: int
    appended_at: Instant
    key: str | None
    value: str | None
    value_bytes: int | None
    correlation_id: str | None = None
