"""What has changed since a moment: the ground of the event stream. Bounded by the keys there are.

A change is a hint to read again, so only the newest of each key is remembered: a client that
was away reads everything once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from common.kafka import Record


@dataclass(frozen=True, slots=True)
class Change:
    """A key of a topic that has new content, and where its newest record stands."""

    topic: str
    key: str
    partition: int
    offset: int

    @property
    def id(self) -> str:
        """Return the place as the stream tells it, the same on every replica."""
        return f"{self.topic}-{self.partition}-{self.offset}"


class ChangeLog:
    """Takes records as they are read and tells what is new since a position."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], tuple[int, Change]] = {}
        self._arrived = asyncio.Event()
        self.position = 0
        self.streams = 0

    def saw(self, records: Sequence[Record]) -> None:
        """Note records of one partition, in order; one without a key changes nothing."""
        for record in records:
            key = (record.key or b"").decode(errors="replace")
            if key:
                self.position += 1
                change = Change(record.topic, key, record.partition, record.offset)
                # last in the dictionary is newest, so that `since` can stop at the first old one
                self._newest.pop((record.topic, key), None)
                self._newest[record.topic, key] = (self.position, change)
        self._arrived.set()
        self._arrived = asyncio.Event()

    def since(self, position: int) -> list[Change]:
        """Return the newest change of each key after the position, oldest first."""
        found = []
        for at, change in reversed(self._newest.values()):
            if at <= position:
                break
            found.append(change)
        return found[::-1]

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something has arrived, or when the time is over."""
        try:
            await asyncio.wait_for(self._arrived.wait(), timeout_seconds)
        except TimeoutError:
            return
