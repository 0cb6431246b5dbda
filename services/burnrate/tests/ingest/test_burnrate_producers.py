"""What producers of other makes do to a log: every codec, and transactions in every state."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from burnrate.settings import AllSettings
from common.events import encode
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from tests.support.burnrate_service import (
    SHARDS,
    boot,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
    publish,
    url,
)

HOME = shard_of("checkout", SHARDS)


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return burnrate_settings(new_database(), fresh_topics)


ODD = [("", b"\xff"), ("twice", b""), ("twice", b"1"), ("long" * 1_000, b"1")]


async def send(client: AIOKafkaProducer, *ids: str) -> None:
    """Send events without a key, every other one with headers of all kinds."""
    for number, event_id in enumerate(ids):
        body = encode(event(event_id=event_id))
        headers = ODD if number % 2 else []
        await client.send_and_wait(METRICS.name, body, partition=HOME, headers=headers)


@pytest.mark.parametrize("transaction", [None, "tx"])
async def test_every_codec_of_kafka_is_read(settings: AllSettings, transaction: str | None) -> None:
    codecs = [None, "gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        client = AIOKafkaProducer(
            bootstrap_servers=boot(settings), compression_type=codec, transactional_id=transaction
        )
        async with client:
            if transaction:
                async with client.transaction():
                    await send(client, f"{codec}-1", f"{codec}-2")
                with suppress(ConnectionAbortedError):
                    async with client.transaction():
                        await send(client, f"{codec}-3", f"{codec}-4")
                        raise ConnectionAbortedError
            else:
                await send(client, f"{codec}-1", f"{codec}-2")
    async with burnrate(settings):
        await eventually(
            lambda: counted(url(settings)), {"checkout": (200 * len(codecs), 2 * len(codecs))}
        )


async def test_what_waits_behind_an_open_transaction_is_lag_until_it_is_aborted(
    settings: AllSettings,
) -> None:
    client = AIOKafkaProducer(bootstrap_servers=boot(settings), transactional_id="open")
    async with client, burnrate(settings) as service:
        await publish(boot(settings), [event(event_id="before")])
        await eventually(lambda: counted(url(settings)), {"checkout": (100, 1)})
        await client.begin_transaction()
        await send(client, "aborted")
        opened_at = datetime.now(UTC)
        await publish(boot(settings), [event(event_id="behind", bad=100)])

        async def lag() -> int:
            return service.ledger.lag.get(HOME, -1)

        await eventually(lag, 2)
        probed_at = datetime.now(UTC)
        assert service.ledger.owned[HOME].oldest_applied() < opened_at < probed_at
        assert await counted(url(settings)) == {"checkout": (100, 1)}
        await client.abort_transaction()
        await eventually(lambda: counted(url(settings)), {"checkout": (200, 101)})
        await eventually(lag, 0)
