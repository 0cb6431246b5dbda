"""Empty the topics that are derived from PostgreSQL, after it was restored from a backup.

Compacted topics carry what can be published again from PostgreSQL: desired state by revision,
results by epoch. Both numbers go back with the database, so that readers of these topics would
take what is new for old. They are made anew, empty; the services fill them as soon as they start.
"""

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from common.config.settings import KafkaSettings
from common.kafka.client import administrator, partitions_of, started
from common.kafka.topics import METRICS, TOPICS, delete_topics, ensure_topics

DERIVED: Final = tuple(topic.name for topic in TOPICS if topic.compacted)
GROUPS: Final = ("burnrate", "forecast", "gate", "alerts")
GONE_SECONDS: Final = 60.0


class StillRunningError(Exception):
    """Consumers are running, with state from before the restore in memory."""


async def empty_derived_topics(kafka: KafkaSettings) -> None:
    """Make the derived topics anew, empty, with as many shards as the input has.

    Raises StillRunningError while a consumer of ours is a member of its group, TimeoutError where
    the broker does not delete the topics in time.
    """
    async with started(AIOKafkaConsumer(**kafka.client_options())) as consumer:
        shards = len(await partitions_of(consumer, METRICS.name))
    async with administrator(kafka) as admin:
        running = [group for group in GROUPS if await _has_members(admin, group)]
        if running:
            raise StillRunningError(f"stop {', '.join(running)} first, and the gateways")
        async with asyncio.timeout(GONE_SECONDS):
            await delete_topics(admin, DERIVED)
    await ensure_topics(kafka, shards)


async def _has_members(admin: AIOKafkaAdminClient, group: str) -> bool:
    described: list[Any] = await admin.describe_consumer_groups([group])
    return any(found[5] for response in described for found in response.groups)
