"""What hostile senders do, each with a key of its own; all of it on loopback, all of it bounded."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from common.access.middleware import BODY_REFUSALS
from common.runtime.loops import background

MEGABYTE: Final = 1_000_000
GARBAGE: Final = {
    "application/json": (b"[" + b"NaN," * (MEGABYTE // 4) + b"0]", b"[" + b"0," * (MEGABYTE // 2)),
    "application/x-ndjson": (b"{}\n" * (MEGABYTE // 3),),
}
NAMES_OF_REQUEST: Final = 2_000
LATE_OF_REQUEST: Final = 3_000
NOT_OF_EVENTS: Final = {"too_many_in_flight", "too_many_writes", "unauthorized"}
CONNECTIONS: Final = 400
ADDRESS: Final = "127.0.0.2"
"""From which attackers hold connections: not that of the honest ones."""
HOSTILE_TEXTS: Final = (
    "\u202egpj.exe", "[/x]", "[bold]b[/]", "</td><script>alert(1)</script>", "a|b\n|c|", "$(id)",
    "::set-output name=x::y", "\u200bzero\u200dwidth", "%0a::error::x", "{{7*7}}",
)  # fmt: skip


Attacking = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Attack:
    """Where attackers send, with whose keys, for how long, and from which seed."""

    ingest_url: str
    gateway_url: str
    keys: dict[str, str]
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Events and requests refused by attacker and code, and answers by attacker and status."""

    refused: Counter[tuple[str, str]]
    refused_requests: Counter[tuple[str, str]]
    answers: Counter[tuple[str, int]]


def attack(given: Attack) -> Outcome:
    """Run all attackers, in a process of their own."""
    return asyncio.run(_attack(given, Attackers.every_attack))


def send_garbage(given: Attack) -> int:
    """Let three senders send nothing but garbage, in this process; return how many bodies."""
    return asyncio.run(_attack(given, Attackers.all_garbage)).answers.total()


async def _attack(given: Attack, kind: "Callable[[Attackers], list[Attacking]]") -> Outcome:
    """Attack with all of a kind at once, for as long as the attack lasts."""
    os.nice(19)  # in the time that nobody else wants: real attackers have machines of their own
    async with httpx.AsyncClient(base_url=given.ingest_url, trust_env=False, timeout=30) as ingest:
        attackers = Attackers(ingest, given)
        async with background(*kind(attackers)):
            await asyncio.sleep(given.seconds)
    return Outcome(attackers.refused, attackers.refused_requests, attackers.answers)


@dataclass
class Attackers:
    """Every kind of attack, drawn from one seed; `refused` counts what the answers refuse."""

    ingest: httpx.AsyncClient
    given: Attack
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused_requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def every_attack(self) -> list[Attacking]:
        """Return attackers of every kind."""
        urls = (self.given.ingest_url, self.given.gateway_url)
        held = [self.connections(url) for url in urls]
        return [self.late(), self.names(), self.texts(), *self.all_garbage(), *held]

    def all_garbage(self) -> list[Attacking]:
        """Return three that send garbage."""
        return [self.garbage(number) for number in range(3)]

    async def garbage(self, number: int) -> None:
        """Send a megabyte of what is no event, again and again."""
        random_ = random.Random(f"{self.given.seed} garbage {number}")
        while True:
            kind = random_.choice(list(GARBAGE))
            await self._post("garbage", random_.choice(GARBAGE[kind]), kind)

    async def names(self) -> None:
        """Send names that nobody has heard of."""
        count = 0
        while True:
            events = [
                self._event(f"flood-{self.given.seed}-{count + i}") for i in range(NAMES_OF_REQUEST)
            ]
            count += NAMES_OF_REQUEST
            await self._post("names", events)

    async def late(self) -> None:
        """Send events at the very edge of the lateness bound."""
        while True:
            edge = datetime.now(UTC) - timedelta(hours=24) + timedelta(seconds=0.25)
            event = self._event("latecomer", edge)
            await self._post(
                "late", [{**event, "event_id": str(i)} for i in range(LATE_OF_REQUEST)]
            )
            await asyncio.sleep(1)

    async def texts(self) -> None:
        """Send text that means something to terminals, pipelines, browsers and markup."""
        random_ = random.Random(f"{self.given.seed} texts")
        while True:
            text = random_.choice(HOSTILE_TEXTS)
            at = datetime.now(UTC).isoformat()
            change = {"service": "texts", "at": at, "kind": "deploy", "note": text, "actor": text}
            await self._post("texts", [change], path="/v1/changes")
            await self._post("texts", {**self._event("texts"), "attributes": {"text": text}})
            await self._post("texts", {**self._event("texts"), "service": text})
            await asyncio.sleep(0.05)

    async def connections(self, url: str) -> None:
        """Hold connections by a byte a second after the answer, and open one after the other."""
        host, port = urlsplit(url).hostname, urlsplit(url).port
        async with asyncio.TaskGroup() as held:
            for _ in range(CONNECTIONS):
                held.create_task(self._hold(str(host), int(port or 0)))

    async def _hold(self, host: str, port: int) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(host, port, local_addr=(ADDRESS, 0))
                head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
                writer.write(head)
                while not writer.is_closing():
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(1)
                    if reader.at_eof():
                        writer.close()
            await asyncio.sleep(1)

    def _event(self, name: str, at: datetime | None = None) -> dict[str, Any]:
        instant = (at or datetime.now(UTC)).isoformat()
        return {"service": name, "source": "s", "timestamp": instant, "total": 1, "bad": 0}

    async def _post(
        self,
        who: str,
        content: Any,
        kind: str = "application/json",
        *,
        path: str = "/v1/events",
    ) -> None:
        headers = {"Authorization": f"Bearer {self.given.keys[who]}", "Content-Type": kind}
        body = {"content": content} if isinstance(content, bytes) else {"json": content}
        try:
            answer = await self.ingest.post(path, headers=headers, **body)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            return
        self.answers[who, answer.status_code] += 1
        said = answer.json()
        if answer.status_code == httpx.codes.ACCEPTED:
            for rejected in said["rejected"]:
                self.refused[who, rejected["code"]] += 1
            return
        code, is_too_many = said["code"], answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        if answer.status_code in BODY_REFUSALS:
            self.refused_requests[who, code] += 1
        if who == "names" and is_too_many:
            self.refused[who, code] += NAMES_OF_REQUEST
            await asyncio.sleep(0.2)
        elif isinstance(content, dict) and code not in NOT_OF_EVENTS:
            self.refused[who, code] += 1
