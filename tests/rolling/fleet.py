"""Two processes of every service, ended in order and started again one after the other."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.faults.harness.members import Member
from tests.faults.world import World
from tests.rolling.balancer import Balancer

SERVICES: Final = ("ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway")
DRAIN_SECONDS: Final = 120
"""Ended by a second signal, once the balancer sends elsewhere: a busy machine has no clock."""
END_SECONDS: Final = 90.0
READY_SECONDS: Final = 240.0
_ENDED_IN_ORDER: Final = (0, -signal.SIGTERM)


@dataclass
class Fleet:
    """The processes by service; `seconds` says how long the restart of each took."""

    members: dict[str, list[Member]]
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, **environment: str) -> "Fleet":
        """Return two of each service that are not started yet."""
        members = {}
        for service in SERVICES:
            drain = DRAIN_SECONDS if service == "api_gateway" else 0
            own = {**environment, "BURNLINE_DRAIN_SECONDS": str(drain)}
            members[service] = [
                world.process(f"{service}-{number}", service, proxied=False, **own)
                for number in (1, 2)
            ]
        return cls(members)

    def urls(self, service: str) -> list[str]:
        """Return where the processes of a service listen."""
        return [member.url for member in self.members[service]]

    async def start(self) -> None:
        """Start all, and wait until each is ready."""
        every = [member for members in self.members.values() for member in members]
        for member in every:
            member.start()
        await asyncio.gather(*(member.wait_ready(READY_SECONDS) for member in every))

    async def roll(self, services: Sequence[str], balancer: Balancer) -> None:
        """Restart the processes of each service, one at a time, services side by side.

        The next gateway is ended once the balancer sends to the one before it again.
        """
        await asyncio.gather(*(self._roll(service, balancer) for service in services))

    async def _roll(self, service: str, balancer: Balancer) -> None:
        for member in self.members[service]:
            began = time.monotonic()
            member.send(signal.SIGTERM)
            if member.url in balancer.urls:
                await balancer.wait_left(member.url)
                member.send(signal.SIGTERM)
            code = await member.wait_ended(END_SECONDS)
            assert code in _ENDED_IN_ORDER, f"{member.name} ended with {code}\n{member.log}"
            member.start()
            await member.wait_ready(READY_SECONDS)
            if member.url in balancer.urls:
                await balancer.wait_ready(member.url)
            self.seconds[member.name] = time.monotonic() - began
