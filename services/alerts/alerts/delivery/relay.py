"""Delivers what is due: records an attempt, makes it, and stores its outcome.

No transaction is open during a request. A process that is killed in between costs at most one
extra delivery, with the same keys, of each notification that it was sending. Any number of
processes may run this at once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from traceback import format_tb

import structlog

from alerts.delivery import repository
from alerts.delivery.metrics import ATTEMPTS, DELAY_SECONDS, IN_FLIGHT
from alerts.delivery.outcome import DeliveryOutcome, failed
from alerts.delivery.repository import Claim, EndedAttempt
from alerts.delivery.sender import Sender
from alerts.delivery.settings import DeliverySettings
from common.runtime.failpoints import failpoint
from common.runtime.loops import TRANSIENT_ERRORS, every
from common.storage.database import Database, WriteSession

log = structlog.get_logger()

_GIVE_UP_SECONDS = 1.0
_DRAIN_SLACK_SECONDS = 2.0


class Relay:
    """Delivers in one process. `wake` it once new rows are committed."""

    def __init__(
        self,
        settings: DeliverySettings,
        database: Database,
        sender: Sender,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._database, self._sender = settings, database, sender
        self._policy, self._draw = settings.retry_policy(), draw
        self._wake = asyncio.Event()
        self._under_way: dict[int, Claim] = {}
        self._ended: list[EndedAttempt] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused_until: dict[str, float] = {}
        self._give_up_at = 0.0

    def wake(self) -> None:
        """Look for due rows now rather than at the next turn."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; attempts under way are then ended, so that none is unknown."""
        try:
            await every(self._settings.idle_seconds, "delivery", self._turn, woken=self._wake)
        finally:
            await self._drain()

    async def _turn(self) -> None:
        """Store the attempts that have ended and claim what is due, in one transaction.

        An attempt that cannot be stored stays ours, even after its lease, since the outcome of
        what was sent must be stored. Until then it keeps its place among the concurrent ones, so
        that a kill never costs more than these.
        """
        ended, taken = list(self._ended), self._taken_places()
        async with self._database.write() as session:
            await repository.store(session, ended)
            claims = await self._claim(session, taken)
            if claims:
                failpoint("delivery.before_claim_commit")
        del self._ended[: len(ended)]
        for claimed in claims:
            self._start(claimed)

    async def _claim(self, session: WriteSession, taken: Counter[str]) -> list[Claim]:
        """Return what is due; once a second, first mark what can never be delivered."""
        ours = [*self._under_way, *(ended.claim.id for ended in self._ended)]
        now = asyncio.get_running_loop().time()
        if now >= self._give_up_at:
            self._give_up_at = now + _GIVE_UP_SECONDS
            await repository.give_up_the_undeliverable(session, ours, self._policy.max_attempts)
        own = self._settings
        return await repository.claim(
            session, taken, ours, own.channel_concurrency, own.lease_seconds
        )

    def _taken_places(self) -> Counter[str]:
        """Return the places taken by channel; a receiver that asked for a pause has none free."""
        now = asyncio.get_running_loop().time()
        self._paused_until = {c: until for c, until in self._paused_until.items() if until > now}
        taken = Counter(claimed.channel.name for claimed in self._under_way.values())
        taken.update(dict.fromkeys(self._paused_until, self._settings.channel_concurrency))
        return taken

    def _start(self, claimed: Claim) -> None:
        self._under_way[claimed.id] = claimed
        IN_FLIGHT.set(len(self._under_way))
        task = asyncio.create_task(self._make(claimed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, claimed: Claim) -> None:
        failpoint("delivery.before_send")
        outcome = await self._attempt(claimed)
        failpoint("delivery.after_send")
        ended = EndedAttempt(claimed, outcome, self._delay_seconds(claimed, outcome))
        self._report(ended)
        self._ended.append(ended)
        del self._under_way[claimed.id]
        IN_FLIGHT.set(len(self._under_way))
        self._wake.set()

    async def _attempt(self, claimed: Claim) -> DeliveryOutcome:
        try:
            return await self._sender.send(claimed.channel, claimed.notification)
        except Exception as error:  # noqa: BLE001 - one broken row must not end the others
            name, where = type(error).__name__, "".join(format_tb(error.__traceback__))
            # without the error's text, which may hold secrets
            log.error("delivery_broken", id=claimed.id, error=name, where=where)  # noqa: TRY400
            return failed(f"an error of our own: {name}; it is in the log")

    def _delay_seconds(self, claimed: Claim, outcome: DeliveryOutcome) -> float | None:
        """Return the pause before the next attempt; None where there is no other."""
        if outcome.retry_after_seconds:
            until = asyncio.get_running_loop().time() + outcome.retry_after_seconds
            self._paused_until[claimed.channel.name] = until
        once = claimed.repeat or claimed.notification.is_test
        if once or self._policy.gives_up(outcome, claimed.attempt, claimed.age_seconds):
            return None
        return self._policy.delay_seconds(outcome, claimed.attempt, self._draw())

    def _report(self, ended: EndedAttempt) -> None:
        channel = ended.claim.channel
        ATTEMPTS.labels(channel.name, channel.kind, ended.result).inc()
        if ended.outcome.delivered:
            DELAY_SECONDS.observe(ended.claim.age_seconds)
            return
        log.warning(
            "delivery_failed",
            id=ended.claim.id,
            channel=channel.name,
            attempt=ended.claim.attempt,
            error=ended.outcome.error,
            retry_seconds=ended.delay_seconds,
        )

    async def _drain(self) -> None:
        """End the attempts under way and store them; cancel those that do not end in time."""
        bound = self._settings.timeout_seconds + _DRAIN_SLACK_SECONDS
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=bound)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        try:
            async with self._database.write() as session:
                await repository.store(session, self._ended)
        except TRANSIENT_ERRORS as error:
            log.warning("delivery_not_stored", error=repr(error))
