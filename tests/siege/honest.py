"""Honest senders: how long their 202 takes, and whether what they sent is shown in time."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import numpy as np

EVENTS_PER_SECOND: Final = 200
EVENTS_OF_REQUEST: Final = 10
SERVICES: Final = tuple(f"honest-{i}" for i in range(10))
LATE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.5


@dataclass
class HonestSenders:
    """Sends at an even pace, whatever the answers take; follows what the gateway shows of it."""

    ingest: httpx.AsyncClient
    gateway: httpx.AsyncClient
    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    latest_seconds: float = 0.0
    _sent: dict[str, deque[tuple[float, int]]] = field(
        default_factory=lambda: {name: deque([(0.0, 0)]) for name in SERVICES}
    )
    _number: int = 0

    async def run(self, seconds: float) -> None:
        """Send and follow for so long; all that was sent has been answered then."""
        began, pause = time.monotonic(), EVENTS_OF_REQUEST / EVENTS_PER_SECOND
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow())
            async with asyncio.TaskGroup() as sending:
                for number in range(int(seconds / pause)):
                    await asyncio.sleep(began + number * pause - time.monotonic())
                    sending.create_task(self._send())
            following.cancel()

    def percentile(self, percent: float) -> float:
        """Return how long this share of the answers has taken at most."""
        return float(np.percentile(self.seconds, percent))

    async def settled(self) -> bool:
        """Return whether all that was answered with 202 is shown within LATE_SECONDS."""
        deadline = time.monotonic() + LATE_SECONDS
        while time.monotonic() < deadline:
            shown = {name: await self._shown(name) for name in SERVICES}
            if all(shown[name] == sent[-1][1] for name, sent in self._sent.items()):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def _send(self) -> None:
        name = SERVICES[self._number % len(SERVICES)]
        events = [self._event(name) for _ in range(EVENTS_OF_REQUEST)]
        began = time.perf_counter()
        try:
            answer = await self.ingest.post("/v1/events", json=events)
        except httpx.HTTPError as error:
            self.refused.append(repr(error))
            return
        self.seconds.append(time.perf_counter() - began)
        if answer.status_code != httpx.codes.ACCEPTED or answer.json()["rejected"]:
            self.refused.append(answer.text[:300])
            return
        sent = self._sent[name]
        sent.append((time.monotonic(), sent[-1][1] + EVENTS_OF_REQUEST))

    def _event(self, name: str) -> dict[str, Any]:
        self._number += 1
        at = datetime.now(UTC).isoformat()
        identity = {"event_id": str(self._number), "source": "honest"}
        return {"service": name, "timestamp": at, "total": 1, "bad": 0, **identity}

    async def _follow(self) -> None:
        """Note how late the latest of what is not shown yet is."""
        while True:
            for name in SERVICES:
                shown, now = await self._shown(name), time.monotonic()
                sent = self._sent[name]
                while len(sent) > 1 and sent[0][1] <= shown:
                    sent.popleft()
                if sent[0][1] > shown:
                    self.latest_seconds = max(self.latest_seconds, now - sent[0][0])
            await asyncio.sleep(LOOK_SECONDS)

    async def _shown(self, name: str) -> int:
        answer = await self.gateway.get(f"/api/slo/{name}")
        if answer.status_code != httpx.codes.OK or not answer.json()["slos"]:
            return 0
        total: int = answer.json()["slos"][0]["total"]
        return total
