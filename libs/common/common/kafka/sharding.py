"""Map a service to its shard with the hash of Kafka's Java client, so that producers agree."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def shard_of(service: str, partitions: int) -> int:
    """Return the owning shard, which is the partition number of every input topic.

    `partitions` is the partition count of the input topics; the result is in [0, partitions).
    """
    hashed: int = murmur2(service.encode())
    return (hashed & 0x7FFFFFFF) % partitions
