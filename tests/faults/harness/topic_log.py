"""What stands on a topic, read in full and directly."""

from aiokafka import AIOKafkaConsumer

from common.kafka.client import Record, assign_all


async def read_log(bootstrap: str, topic: str) -> list[Record]:
    """Return all records, by partition and offset."""
    async with _consumer(bootstrap) as consumer:
        partitions = await assign_all(consumer, [topic])
        ends = await consumer.end_offsets(partitions)
        found: list[Record] = []
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            batches = await consumer.getmany(timeout_ms=200, max_records=5000)
            found += [record for records in batches.values() for record in records]
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def log_ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the offset after the last record, by partition."""
    async with _consumer(bootstrap) as consumer:
        ends = await consumer.end_offsets(await assign_all(consumer, [topic]))
    return {tp.partition: end for tp, end in ends.items()}


def _consumer(bootstrap: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
