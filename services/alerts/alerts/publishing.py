"""The events of episodes, as they go through the outbox."""

from collections.abc import Sequence

import msgspec

from alerts.domain.episodes import Episode
from common.config.clock import to_micros
from common.events import AlertChanged, encode
from common.kafka.topics import ALERTS
from common.storage.outbox import OutboxRecord


def alert_records(episodes: Sequence[Episode]) -> list[OutboxRecord]:
    """Return the records of changed episodes, each for its shard's partition."""
    return [
        _record(
            f"{e.id}/{e.version}/{to_micros(e.updated_at)}",
            e.id,
            e.shard,
            encode(msgspec.convert(e, AlertChanged, from_attributes=True)),
        )
        for e in episodes
    ]


def tombstones(shard: int, episode_ids: Sequence[int]) -> list[OutboxRecord]:
    """Return the records that remove deleted episodes from the topic."""
    return [_record(f"{number}/forgotten", number, shard, None) for number in episode_ids]


def _record(dedup_key: str, episode_id: int, shard: int, value: bytes | None) -> OutboxRecord:
    key = str(episode_id).encode()
    return OutboxRecord(f"alert/{dedup_key}", ALERTS.name, key, value, shard)
