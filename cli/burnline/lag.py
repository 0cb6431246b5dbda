"""How many records of the input topics burnrate has not applied yet, by its own ledger."""

import asyncio
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from common.kafka import partitions_of
from common.settings import DatabaseSettings, KafkaSettings
from common.topics import HISTORY, METRICS

TIMEOUT_SECONDS: Final = 5.0
NEXT_OFFSETS: Final = "SELECT topic, shard, next_offset FROM burnrate.shard_offset"


async def consumer_lag(bootstrap_servers: str, database_url: str) -> int | None:
    """Records behind over all partitions; None when broker or database do not tell in time."""
    kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=(bootstrap_servers,))
    consumer = AIOKafkaConsumer(**kafka.client_options())
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await consumer.start()
            return await _records_behind(consumer, await _next_offsets(database_url))
    except (KafkaError, OSError, TimeoutError, asyncpg.PostgresError):
        return None
    finally:
        await consumer.stop()


async def _next_offsets(database_url: str) -> dict[TopicPartition, int]:
    settings = DatabaseSettings(DATABASE_URL=database_url)
    connection = await asyncpg.connect(**settings.connect_options())
    try:
        rows = await connection.fetch(NEXT_OFFSETS)
    finally:
        await connection.close()
    return {TopicPartition(row["topic"], row["shard"]): row["next_offset"] for row in rows}


async def _records_behind(consumer: AIOKafkaConsumer, applied: dict[TopicPartition, int]) -> int:
    partitions = [
        TopicPartition(topic.name, partition)
        for topic in (METRICS, HISTORY)
        for partition in await partitions_of(consumer, topic.name)
    ]
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    # what no shard has acquired yet is still to come as a whole
    return sum(end[tp] - applied.get(tp, first[tp]) for tp in partitions)
