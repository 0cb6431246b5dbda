"""The SQL of repeats. Sessions come from outside; nothing here commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text

from alerts.domain.notifications import MAX_ALERTS, Notification, NotificationAlert
from common.config.clock import to_micros
from common.storage.database import WriteSession

# The row of a channel says when it was last told again; whoever moves it on has the turn. As long
# as the last repeat is still to be sent there is no other.
_TAKE_TURNS = text(
    """INSERT INTO alerts.repeated AS r (channel, at)
    SELECT c.name, now() FROM catalog.channels c
    WHERE c.kind = 'alertmanager' AND c.enabled AND c.retired_at IS NULL
        AND NOT EXISTS (
            SELECT FROM alerts.notification n
            WHERE n.channel = c.name AND n.state = 'pending' AND n.repeat)
    ON CONFLICT (channel) DO UPDATE SET at = excluded.at
    WHERE r.at <= excluded.at - make_interval(secs => CAST(:repeat_seconds AS float8))
    RETURNING channel, at"""
)
# An episode that is being changed is left out: its resolve might be written before this repeat
# and sent before it. The others cannot change until this is committed, so theirs comes after.
_OPEN_EPISODES = text(
    """SELECT id, version, notices, dedup_key, severity, rule, service_name, message, labels,
        annotations, started_at
    FROM alerts.episode
    WHERE resolved_at IS NULL AND CAST(:channel AS text) = ANY(channels)
    ORDER BY id FOR SHARE SKIP LOCKED"""
)
_ADD = text(
    """INSERT INTO alerts.notification
        (notice_key, channel, group_key, episode_ids, payload, repeat)
    VALUES (:notice_key, :channel, :group_key, :episode_ids, CAST(:payload AS jsonb), true)"""
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A channel that is to be told again, and since when."""

    channel: str
    at: datetime


async def take_turns(session: WriteSession, repeat_seconds: float) -> list[Turn]:
    """Return the channels whose turn it is; until they are committed nobody else gets them."""
    rows = await session.execute(_TAKE_TURNS, {"repeat_seconds": repeat_seconds})
    return [Turn(row.channel, row.at) for row in rows]


async def add_repeats(session: WriteSession, turn: Turn) -> int:
    """Write a repeat of all open episodes that the channel was told of; return the rows."""
    episodes = (await session.execute(_OPEN_EPISODES, {"channel": turn.channel})).all()
    parts = [episodes[i : i + MAX_ALERTS] for i in range(0, len(episodes), MAX_ALERTS)]
    for number, part in enumerate(parts):
        await session.execute(_ADD, _row(turn, number, part))
    return len(parts)


def _row(turn: Turn, number: int, episodes: Sequence[Any]) -> dict[str, Any]:
    notification = Notification(
        notice_key=f"repeat/{turn.channel}/{to_micros(turn.at)}/{number}",
        channel=turn.channel,
        group_key="repeat",
        group_labels={},
        alerts=tuple(_alert(episode) for episode in episodes),
    )
    return {
        "notice_key": notification.notice_key,
        "channel": notification.channel,
        "group_key": notification.group_key,
        "episode_ids": [episode.id for episode in episodes],
        "payload": msgspec.json.encode(notification).decode(),
    }


def _alert(episode: Any) -> NotificationAlert:
    return NotificationAlert(
        dedup_key=episode.dedup_key,
        episode_id=episode.id,
        version=episode.version,
        sequence=episode.notices,
        transition="firing",
        severity=episode.severity,
        rule=episode.rule,
        service_name=episode.service_name,
        message=episode.message,
        labels=episode.labels,
        annotations=episode.annotations,
        started_at=episode.started_at,
    )
