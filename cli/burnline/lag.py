"""How many records of the input topics the burn-rate consumer has not committed yet."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from common.topics import HISTORY, METRICS

CONSUMER_GROUP: Final = "burnrate"
TIMEOUT_SECONDS: Final = 5.0


async def consumer_lag(bootstrap_servers: str) -> int | None:
    """Records behind over all partitions; None when the broker does not tell in time."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await admin.start()
            await consumer.start()
            return await _records_behind(admin, consumer)
    except (KafkaError, OSError, TimeoutError):
        return None
    finally:
        await consumer.stop()
        await admin.close()


async def _records_behind(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> int:
    described = await admin.describe_topics([METRICS.name, HISTORY.name])
    partitions = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]
    committed = await admin.list_consumer_group_offsets(CONSUMER_GROUP, partitions=partitions)
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    # A partition without a commit says -1: all that it holds is still to come.
    return sum(end[tp] - max(committed[tp].offset, first[tp]) for tp in partitions)
