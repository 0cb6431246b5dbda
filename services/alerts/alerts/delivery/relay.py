"""Sends what is due, for ever: an attempt is recorded, made, and its outcome stored.

Each step is a transaction of its own; a process that is killed between them costs at most one
extra delivery with the same keys. Any number of processes may run this at once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import structlog

from alerts.delivery import repository
from alerts.delivery.metrics import ATTEMPTS, DELAY_SECONDS, IN_FLIGHT
from alerts.delivery.outcome import Outcome, failed
from alerts.delivery.repository import Claim
from alerts.delivery.sender import Sender
from alerts.delivery.settings import DeliverySettings
from common.database import Database
from common.failpoints import failpoint
from common.transient import TRANSIENT_ERRORS

log = structlog.get_logger()

_STORE_AGAIN_SECONDS = 0.5
_DRAIN_SLACK_SECONDS = 2.0


class Relay:
    """The delivering part of one process. `wake` it once new rows are committed."""

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
        self._in_flight: dict[int, Claim] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused_until: dict[str, float] = {}

    def wake(self) -> None:
        """Look for what is due now rather than at the next turn."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is ended first, so that it is known."""
        try:
            while True:
                self._wake.clear()
                await self._turn()
                await self._wait()
        finally:
            await self._drain()

    async def _turn(self) -> None:
        try:
            async with self._database.write() as session:
                await repository.give_up_the_undeliverable(
                    session, list(self._in_flight), self._policy.max_attempts
                )
            async with self._database.write() as session:
                claims = await repository.claim(
                    session,
                    self._taken_places(),
                    list(self._in_flight),
                    self._settings.channel_concurrency,
                    self._settings.lease_seconds,
                )
                if claims:
                    failpoint("delivery.before_claim_commit")
        except TRANSIENT_ERRORS as error:
            log.warning("delivery_retry", error=repr(error))
            return
        for claimed in claims:
            self._start(claimed)

    def _taken_places(self) -> Counter[str]:
        """Return by channel how many are under way; one that asked for a pause has no place."""
        now = asyncio.get_running_loop().time()
        self._paused_until = {c: until for c, until in self._paused_until.items() if until > now}
        taken = Counter(claimed.channel.name for claimed in self._in_flight.values())
        taken.update(dict.fromkeys(self._paused_until, self._settings.channel_concurrency))
        return taken

    def _start(self, claimed: Claim) -> None:
        self._in_flight[claimed.id] = claimed
        IN_FLIGHT.set(len(self._in_flight))
        task = asyncio.create_task(self._deliver(claimed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, claimed: Claim) -> None:
        try:
            failpoint("delivery.before_send")
            outcome = await self._attempt(claimed)
            failpoint("delivery.after_send")
            await self._store_until_stored(claimed, outcome)
        finally:
            del self._in_flight[claimed.id]
            IN_FLIGHT.set(len(self._in_flight))
            self._wake.set()

    async def _attempt(self, claimed: Claim) -> Outcome:
        try:
            outcome = await self._sender.send(claimed.channel, claimed.notice)
        except Exception as error:  # what is wrong with one row must not end the others
            log.exception("delivery_broken", id=claimed.id, channel=claimed.channel.name)
            outcome = failed(f"an error of our own: {type(error).__name__}; it is in the log")
        once = claimed.repeat or claimed.notice.is_trial
        return replace(outcome, final=outcome.final or (once and not outcome.delivered))

    async def _store_until_stored(self, claimed: Claim, outcome: Outcome) -> None:
        """What is sent must be known as sent: until it is, the row stays ours."""
        delay = None if outcome.delivered else self._delay_seconds(claimed, outcome)
        self._count(claimed, outcome, delay)
        while True:
            try:
                async with self._database.write() as session:
                    if outcome.delivered:
                        await repository.store_sent(session, claimed, outcome)
                    else:
                        await repository.store_failed(session, claimed, outcome, delay)
            except TRANSIENT_ERRORS as error:
                log.warning("delivery_store_retry", id=claimed.id, error=repr(error))
                await asyncio.sleep(_STORE_AGAIN_SECONDS)
            else:
                return

    def _delay_seconds(self, claimed: Claim, outcome: Outcome) -> float | None:
        """Return the pause before the next attempt; None where this was the last."""
        if outcome.retry_after_seconds:
            until = asyncio.get_running_loop().time() + outcome.retry_after_seconds
            self._paused_until[claimed.channel.name] = until
        if self._policy.gives_up(outcome, claimed.attempt, claimed.age_seconds):
            return None
        return self._policy.delay_seconds(outcome, claimed.attempt, self._draw())

    def _count(self, claimed: Claim, outcome: Outcome, delay_seconds: float | None) -> None:
        if outcome.delivered:
            ATTEMPTS.labels(claimed.channel.kind, "delivered").inc()
            DELAY_SECONDS.observe(claimed.age_seconds)
            return
        word = "given_up" if delay_seconds is None else "failed"
        ATTEMPTS.labels(claimed.channel.kind, word).inc()
        log.warning(
            "delivery_failed",
            id=claimed.id,
            channel=claimed.channel.name,
            attempt=claimed.attempt,
            error=outcome.error,
            retry_seconds=delay_seconds,
        )

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._settings.idle_seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _drain(self) -> None:
        if not self._tasks:
            return
        bound = self._settings.timeout_seconds + _DRAIN_SLACK_SECONDS
        _, unfinished = await asyncio.wait(self._tasks, timeout=bound)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
