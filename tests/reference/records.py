"""Kafka records as aiokafka hands them over."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from burnrate.ingest.classifier import Rules
from common.kafka.client import Record
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from tests.support import kafka_records

SHARDS = 4
SERVICE = "checkout"
HOME = shard_of(SERVICE, SHARDS)
APPENDED = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = Rules(HOME, SHARDS, timedelta(hours=24))
Headers = Sequence[tuple[str, bytes | None]]


def millis(at: datetime) -> int:
    """Return milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def event_json(**fields: Any) -> bytes:
    """Return a good event, changed by the fields; those that are None are left out."""
    good = {
        "service": SERVICE,
        "source": "edge",
        "timestamp": APPENDED.isoformat(),
        "total": 10,
        "bad": 1,
        **fields,
    }
    return json.dumps({k: v for k, v in good.items() if v is not None}).encode()


def record(
    value: bytes | None,
    headers: Headers = (),
    *,
    topic: str = METRICS.name,
    appended_at: datetime = APPENDED,
    **fields: Any,
) -> Record:
    """Return a record of the home partition."""
    given = {"partition": HOME, "key": SERVICE.encode(), "headers": headers, **fields}
    return kafka_records.record(topic, value, timestamp=millis(appended_at), **given)
