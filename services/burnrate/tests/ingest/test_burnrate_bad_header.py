"""A header name that is not UTF-8, sent through a real Kafka."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from burnrate.settings import AllSettings
from common.events import encode
from common.kafka.sharding import shard_of
from tests.support.burnrate_service import (
    SHARDS,
    applied,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
)

# aiokafka's parts in C take plain strings only, those in Python any that can be encoded
SEND = """
import asyncio, sys
from aiokafka import AIOKafkaProducer
class Name(str):
    def encode(self, *_): return b"\\xff\\xfe"
async def main(bootstrap, partition, *bodies):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for n, body in enumerate(bodies):
        headers = [(Name("x") if n % 2 else "x", b"1")]
        await producer.send_and_wait(
            "slo.metrics.v1", body.encode(), partition=int(partition), headers=headers)
    await producer.stop()
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return burnrate_settings(new_database(), fresh_topics)


async def test_it_stops_nothing_and_its_event_counts(settings: AllSettings) -> None:
    url = settings.database.database_url.get_secret_value()
    bodies = [encode(event(total=10, event_id=str(i))).decode() for i in range(6)]
    home = str(shard_of("checkout", SHARDS))
    command = (sys.executable, "-c", SEND, settings.kafka.bootstrap_servers[0], home, *bodies)
    async with burnrate(settings):
        await asyncio.to_thread(
            subprocess.run, command, env={**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}, check=True
        )
        await eventually(lambda: applied(url), 6)
    assert await counted(url) == {"checkout": (60, 6)}
