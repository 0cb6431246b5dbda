"""What has changed since a moment: the source of the event stream. Bounded by the keys there are.

A change is a hint to read again, so only the newest of each key is remembered: a client that
was away gets each key once, whatever happened to it meanwhile.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.kafka.client import Record

# What a proxy takes in one header line with room to spare; beyond it a client reads everything.
MOST_ID_CHARACTERS = 4096
_ID = re.compile(r"[a-z0-9.-]+:[0-9]*(,[0-9]*)*(;[a-z0-9.-]+:[0-9]*(,[0-9]*)*)*")

# A topic and the number of one of its partitions.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """A key of a topic that has new content; its version rises with each record of the key."""

    topic: str
    key: str
    partition: int
    version: int


class ChangeLog:
    """Takes records as they are read; returns what is new since a position or an id."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], tuple[int, Change]] = {}
        self._offsets: dict[Place, int] = {}
        self._arrived = asyncio.Event()
        self._id: tuple[int, str | None] = (-1, None)
        self.position = 0
        self.streams: Counter[str] = Counter()
        """Open streams by the address of who reads them."""

    def saw(self, records: Sequence[Record]) -> None:
        """Note records of one partition, in order; one without a key changes nothing."""
        for record in records:
            key = (record.key or b"").decode(errors="replace")
            self.position += 1
            self._offsets[record.topic, record.partition] = record.offset
            if key:
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

    @property
    def id(self) -> str | None:
        """Return how far each partition has been read, the same words on every replica.

        One place would not do: replicas read the partitions in different order, so that a record
        which one of them has sent may come before or after it in another. None where it would be
        too long for a header.
        """
        if self._id[0] != self.position:
            written = written_offsets(self._offsets)
            self._id = (self.position, written if len(written) <= MOST_ID_CHARACTERS else None)
        return self._id[1]

    def missed(self, last_id: str) -> list[Change] | None:
        """Return the newest change of each key that a client has not seen, oldest first.

        None where that cannot be said: the id is not one of ours, a partition has appeared, or
        one has not been read as far here (which is also how a topic that was made anew looks).
        """
        seen = read_offsets(last_id)
        if seen is None or seen.keys() != self._offsets.keys():
            return None
        if any(offset > self._offsets[place] for place, offset in seen.items()):
            return None
        changes = (change for _, change in self._newest.values())
        return [c for c in changes if c.version > seen[c.topic, c.partition]]

    async def wait(self, timeout_seconds: float) -> None:
        """Wait until something arrives, or the time is over."""
        try:
            await asyncio.wait_for(self._arrived.wait(), timeout_seconds)
        except TimeoutError:
            return


def written_offsets(offsets: Mapping[Place, int]) -> str:
    """Return `topic:offset,offset;topic:offset`, by partition number, empty where none is read."""
    topics: dict[str, list[str]] = {}
    for (topic, partition), offset in sorted(offsets.items()):
        numbers = topics.setdefault(topic, [])
        numbers += [""] * (partition - len(numbers))
        numbers.append(str(offset))
    return ";".join(f"{topic}:{','.join(numbers)}" for topic, numbers in topics.items())


def read_offsets(text: str) -> dict[Place, int] | None:
    """Return what `written_offsets` wrote; None for any other text."""
    if len(text) > MOST_ID_CHARACTERS or not _ID.fullmatch(text):
        return None
    offsets = {}
    for part in text.split(";"):
        topic, _, numbers = part.partition(":")
        for partition, number in enumerate(numbers.split(",")):
            if number:
                offsets[topic, partition] = int(number)
    return offsets
