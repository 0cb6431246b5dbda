"""Watch how long a consumer has fetched nothing, which it does not say itself.

Without a broker aiokafka asks on in silence, and gives out nothing, as on topics without records.
"""

import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition


class FetchWatch:
    """The partitions that a consumer fetches, and when a broker last answered for each."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since: dict[TopicPartition, float] = {}
        self._answered_at: float | None = None

    def look(self, consumer: AIOKafkaConsumer | None) -> None:
        """Note what is fetched and not paused, and the oldest of the last answers."""
        if consumer is None:
            self._since, self._answered_at = {}, None
            return
        now, fetched = self._clock(), consumer.assignment() - consumer.paused()
        self._since = {tp: self._since.get(tp, now) for tp in fetched}
        answers = (
            max(since, (consumer.last_poll_timestamp(tp) or 0) / 1000)
            for tp, since in self._since.items()
        )
        self._answered_at = min(answers, default=None)

    def failing(self, limit_seconds: float) -> str | None:
        """Return why nothing is fetched, once that has been so for as long as the limit."""
        if self._answered_at is None:
            return None
        silent_seconds = self._clock() - self._answered_at
        if silent_seconds < limit_seconds:
            return None
        return f"no broker has answered a fetch for {silent_seconds:.0f} s"
