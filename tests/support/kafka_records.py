"""Records as a consumer gives them."""

from typing import Any

from aiokafka import ConsumerRecord

from common.kafka.client import Record


def record(topic: str, value: bytes | None, **fields: Any) -> Record:
    """Return a record; its fields have the names that aiokafka gives them."""
    given = {"partition": 0, "offset": 7, "timestamp": 0, "key": b"key", "headers": (), **fields}
    return ConsumerRecord(
        topic=topic,
        value=value,
        timestamp_type=1,
        checksum=None,
        serialized_key_size=-1 if given["key"] is None else len(given["key"]),
        serialized_value_size=-1 if value is None else len(value),
        **given,
    )
