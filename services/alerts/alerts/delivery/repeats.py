"""Alertmanager is told again of every open episode, or it would take it for resolved.

A repeat is a row like any other while it is under way: so it keeps its place before a resolve of
the same episode, and only one process makes it. Delivered or not, it is forgotten afterwards.
"""

from collections.abc import Callable

from alerts.delivery.repeat_repository import add_repeats, take_turns
from common.storage.database import Database


class Repeater:
    """Writes what is to be told again; `wrote` is called once it is committed."""

    def __init__(
        self, database: Database, repeat_seconds: float, wrote: Callable[[], None]
    ) -> None:
        self._database, self._repeat_seconds, self._wrote = database, repeat_seconds, wrote

    async def repeat_due(self) -> None:
        """Write what is due; to be called every second or so."""
        async with self._database.write() as session:
            turns = await take_turns(session, self._repeat_seconds)
            rows = [await add_repeats(session, turn) for turn in turns]
        if any(rows):
            self._wrote()
