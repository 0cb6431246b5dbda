"""Limit how many new services each key brings: names are places, and there are only so many.

A name is new until the catalog has it. The catalog is followed from its topic.
"""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Self

from common.access.limits import CallerLimits
from common.config.clock import Clock
from common.config.settings import KafkaSettings
from common.events import CatalogMessage, ServiceChanged
from common.kafka.client import TableReader
from common.kafka.topics import CATALOG
from common.kafka.unreadable import event_handler

MOST_ADMITTED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Catalog:
    """The names that the catalog has, retired ones too: their events are counted."""

    names: set[str]
    is_complete: Callable[[], bool]
    run: Callable[[], Coroutine[Any, Any, None]]
    """Follows the topic for ever; cancel to stop."""

    @classmethod
    def of(cls, kafka: KafkaSettings) -> Self:
        """Return a catalog that reads the whole topic, in which each service stands once."""
        names: set[str] = set()

        async def on_event(event: CatalogMessage) -> None:
            if isinstance(event, ServiceChanged):
                names.add(event.name)

        table = TableReader(kafka, [CATALOG.name], event_handler(on_event))
        return cls(names, table.caught_up.is_set, table.run)


class NewNames:
    """Admits new names as long as their key has tokens; one that was admitted needs no other."""

    def __init__(self, catalog: Catalog, names_per_hour: float, burst: int, clock: Clock) -> None:
        self._catalog, self._clock = catalog, clock
        self._limits = CallerLimits("new_services", names_per_hour / 3600, burst)
        self._admitted: OrderedDict[str, None] = OrderedDict()

    def is_new(self, name: str) -> bool:
        """Return whether the catalog does not have the name yet."""
        return name not in self._catalog.names

    def wait_seconds(self, name: str, sender: str) -> int:
        """Return 0 where the name may pass, else the whole seconds until the key may bring one.

        Until the catalog has been read for the first time nobody knows what is new.
        """
        if not self.is_new(name):
            self._admitted.pop(name, None)
            return 0
        if name in self._admitted or not self._catalog.is_complete():
            return 0
        wait_seconds = self._limits.take(sender, self._clock().timestamp()).wait_seconds
        if not wait_seconds:
            self._admitted[name] = None
            if len(self._admitted) > MOST_ADMITTED:
                self._admitted.popitem(last=False)
        return wait_seconds
