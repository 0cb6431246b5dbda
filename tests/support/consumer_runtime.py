"""A consumer's runtime for tests that have no servers."""

from typing import Any

from common.ledger.runtime import ConsumerRuntime


def consumer_runtime(name: str, shards: int = 1, **parts: Any) -> ConsumerRuntime:
    """Return a runtime of which only these parts are there."""
    given: dict[str, Any] = dict.fromkeys(("kafka", "database", "publisher", "outbox")) | parts
    return ConsumerRuntime(name, shards, **given)
