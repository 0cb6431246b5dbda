"""The events of episodes, as they go through the outbox."""

from collections.abc import Sequence

from alerts.domain.episodes import Episode
from common.config.clock import to_micros
from common.events import AlertChanged, encode
from common.kafka.topics import ALERTS
from common.storage.outbox import OutboxRecord


def alert_changed(episode: Episode) -> AlertChanged:
    """Return the event of an episode as it is."""
    return AlertChanged(
        id=episode.id,
        service_name=episode.service_name,
        shard=episode.shard,
        rule=episode.rule,
        severity=episode.severity,
        state=episode.state,
        version=episode.version,
        message=episode.message,
        labels=episode.labels,
        annotations=episode.annotations,
        started_at=episode.started_at,
        updated_at=episode.updated_at,
        resolved_at=episode.resolved_at,
        acknowledged_by=episode.acknowledged_by,
        acknowledged_at=episode.acknowledged_at,
        held_by=episode.held_by,
        held_back=episode.held_back,
        notices=episode.notices,
    )


def alert_records(episodes: Sequence[Episode]) -> list[OutboxRecord]:
    """Return the records that tell of episodes, in their shard's partition."""
    return [
        OutboxRecord(
            dedup_key=f"alert/{e.id}/{e.version}/{to_micros(e.updated_at)}",
            topic=ALERTS.name,
            key=str(e.id).encode(),
            value=encode(alert_changed(e)),
            partition=e.shard,
        )
        for e in episodes
    ]


def forgotten_records(shard: int, episode_ids: Sequence[int]) -> list[OutboxRecord]:
    """Return the records that let the topic forget episodes which are deleted."""
    return [
        OutboxRecord(
            dedup_key=f"alert/{episode_id}/forgotten",
            topic=ALERTS.name,
            key=str(episode_id).encode(),
            value=None,
            partition=shard,
        )
        for episode_id in episode_ids
    ]
