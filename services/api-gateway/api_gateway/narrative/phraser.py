"""Has a language model phrase narratives, and keeps what has passed.

What is kept is the text with placeholders: it serves as long as there are the same facts, whatever
their figures, and is checked at every use.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import structlog

from api_gateway.metrics import PHRASINGS
from api_gateway.narrative.checker import RefusedError, Sentence
from api_gateway.narrative.language_model import LanguageModel
from api_gateway.narrative.narrative_input import NarrativeInput
from api_gateway.narrative.phrasing import filled, messages, skeleton_of
from common.access.limits import TokenBucket

log = structlog.get_logger()

ATTEMPTS = 2
PAUSE_SECONDS = 60.0
"""After a failure the same narrative is not asked for again so soon."""

MOST_KEPT = 2_000
MOST_AT_ONCE = 2
HOUR_SECONDS = 3600

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhrasingLimits:
    """How long one text may take altogether, how long a reader waits for it, how many an hour."""

    timeout_seconds: float
    wait_seconds: float
    calls_per_hour: int


class Phraser:
    """Phrases narratives through a model."""

    def __init__(
        self,
        model: LanguageModel,
        limits: PhrasingLimits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._limits, self._monotonic = model, limits, monotonic
        calls = limits.calls_per_hour
        self._budget = TokenBucket(calls / HOUR_SECONDS, calls, monotonic())
        self._kept: OrderedDict[Key, str] = OrderedDict()
        self._not_before: dict[Key, float] = {}
        self._asking: dict[Key, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)

    @property
    def model_name(self) -> str:
        """The model's name."""
        return self._model.name

    async def phrase(self, given: NarrativeInput) -> tuple[Sentence, ...] | None:
        """Return the model's sentences if there are some that hold; None: use the template.

        Where there are none yet the model is asked, which may go on after this has returned.
        """
        key = _key(given)
        if key not in self._kept:
            await self._ask(key, given)
        skeleton = self._kept.get(key)
        if skeleton is None:
            return None
        try:
            return filled(skeleton, given.facts)
        except RefusedError:
            del self._kept[key]
            return None

    async def close(self) -> None:
        """Cancel what is being asked."""
        tasks = [*self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._model.close()

    async def _ask(self, key: Key, given: NarrativeInput) -> None:
        task = self._asking.get(key)
        if task is None:
            now = self._monotonic()
            if self._not_before.get(key, now) > now or self._budget.take(now):
                return
            task = asyncio.create_task(self._asked(key, given))
            self._asking[key] = task
        if given.waits:
            await asyncio.wait([task], timeout=self._limits.wait_seconds)

    async def _asked(self, key: Key, given: NarrativeInput) -> None:
        outcome = "failed"
        try:
            async with self._turn, asyncio.timeout(self._limits.timeout_seconds):
                outcome = await self._attempts(key, given)
        except TimeoutError:
            outcome = "timeout"
        except httpx.HTTPError as error:
            log.warning("language_model_failed", error=repr(error))
        finally:
            PHRASINGS.labels(outcome).inc()
            if outcome != "accepted":
                self._pause(key)
            del self._asking[key]

    async def _attempts(self, key: Key, given: NarrativeInput) -> str:
        refusal: str | None = None
        for _ in range(ATTEMPTS):
            asked = messages(given.facts, given.quoted, refusal)
            try:
                skeleton = skeleton_of(await self._model.complete(asked))
                filled(skeleton, given.facts)
            except RefusedError as error:
                refusal = str(error)
                log.info("phrasing_refused", subject=given.subject, reason=refusal)
            else:
                self._keep(key, skeleton)
                return "accepted"
        return "refused"

    def _keep(self, key: Key, skeleton: str) -> None:
        self._kept[key] = skeleton
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _pause(self, key: Key) -> None:
        now = self._monotonic()
        self._not_before = {k: at for k, at in self._not_before.items() if at > now}
        self._not_before[key] = now + PAUSE_SECONDS


def _key(given: NarrativeInput) -> Key:
    return (given.subject, given.shape, *(fact.id for fact in given.facts))
