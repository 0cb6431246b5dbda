"""Back-pressure: bounds the events that wait for the broker at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.http.problems import Problem
from ingest.metrics import IN_FLIGHT

RETRY_AFTER_SECONDS = "1"


class InFlightLimit:
    """Counts the events in flight, in one event loop: no lock is needed."""

    def __init__(self, max_events: int) -> None:
        self._max_events, self._events = max_events, 0

    @contextmanager
    def hold(self, events: int) -> Iterator[None]:
        """Count the events during the block; raise Problem 429 beyond the bound."""
        if self._events + events > self._max_events:
            raise Problem(
                429,
                "too_many_in_flight",
                f"{self._events} events wait for the broker and at most {self._max_events} may; "
                "none of this request was taken. Send it again after Retry-After.",
                headers={"Retry-After": RETRY_AFTER_SECONDS},
            )
        self._events += events
        IN_FLIGHT.set(self._events)
        try:
            yield
        finally:
            self._events -= events
            IN_FLIGHT.set(self._events)
