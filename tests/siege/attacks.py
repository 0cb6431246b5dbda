"""What hostile senders do, each with a key of its own; all of it on loopback, all of it bounded."""

import asyncio
import os
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

MEGABYTE: Final = 1_000_000
GARBAGE: Final = {
    "application/json": (b"[" + b"NaN," * (MEGABYTE // 4) + b"0]", b"[" + b"0," * (MEGABYTE // 2)),
    "application/x-ndjson": (b"{}\n" * (MEGABYTE // 3),),
}
NAMES_OF_REQUEST: Final = 2_000
LATE_OF_REQUEST: Final = 3_000
CONNECTIONS: Final = 400
ADDRESS: Final = "127.0.0.2"
"""From which attackers hold connections: not that of the honest ones."""
HOSTILE_TEXTS: Final = (
    "\u202egpj.exe", "[/x]", "[bold]b[/]", "</td><script>alert(1)</script>", "a|b\n|c|", "$(id)",
    "::set-output name=x::y", "\u200bzero\u200dwidth", "%0a::error::x", "{{7*7}}",
)  # fmt: skip


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
    """Events refused by attacker and code, and answers by attacker and status."""

    refused: Counter[tuple[str, str]]
    answers: Counter[tuple[str, int]]


def attack(given: Attack) -> Outcome:
    """Run all attackers, in a process of their own."""
    _yield_the_processor()

    async def run() -> Outcome:
        async with httpx.AsyncClient(
            base_url=given.ingest_url, trust_env=False, timeout=30
        ) as ingest:
            attackers = Attackers(ingest, given)
            await attackers.run()
        return Outcome(attackers.refused, attackers.answers)

    return asyncio.run(run())


def send_garbage(given: Attack) -> int:
    """Let three senders send nothing but garbage, in this process; return how many bodies."""
    _yield_the_processor()

    async def run() -> int:
        async with httpx.AsyncClient(
            base_url=given.ingest_url, trust_env=False, timeout=30
        ) as ingest:
            attackers = Attackers(ingest, given)
            with suppress(TimeoutError):
                async with asyncio.timeout(given.seconds):
                    await asyncio.gather(*(attackers.garbage(number) for number in range(3)))
        return attackers.answers.total()

    return asyncio.run(run())


def _yield_the_processor() -> None:
    """Take the time that nobody else wants: real attackers have machines of their own."""
    os.nice(19)


@dataclass
class Attackers:
    """Every kind of attack, drawn from one seed; `refused` counts what the answers refuse."""

    ingest: httpx.AsyncClient
    given: Attack
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def run(self) -> None:
        """Attack with all at once."""
        attacks = [self.late(), self.names(), self.texts()]
        attacks += [self.garbage(number) for number in range(3)]
        attacks += [
            self.connections(url) for url in (self.given.ingest_url, self.given.gateway_url)
        ]
        tasks = [asyncio.create_task(attack) for attack in attacks]
        await asyncio.sleep(self.given.seconds)
        failed = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not failed, failed

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
        elif who == "names" and answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self.refused[who, said["code"]] += NAMES_OF_REQUEST
            await asyncio.sleep(0.2)
