"""Fixtures of delivery: rows on a real PostgreSQL, and a receiver that records."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.alerts.outgoing import Outgoing, connected
from tests.support.alerts.receiver import Receiver, receiving


@pytest.fixture
async def outgoing(postgres_url: str) -> AsyncIterator[Outgoing]:
    """The module's database with no notifications and only the simulated channel."""
    async with connected(postgres_url) as database:
        found = Outgoing(database)
        await found.clear()
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of this test; it answers 200 unless told otherwise."""
    with receiving() as found:
        yield found


@pytest.fixture
async def hook(outgoing: Outgoing, receiver: Receiver) -> None:
    """The webhook channel `hook` that leads to the receiver."""
    await outgoing.channel("hook", url=f"{receiver.url}/abcdefgh", signing_secret="s3cret")
