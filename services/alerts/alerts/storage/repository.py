"""All SQL of the alerts service except delivery's. Callers open sessions and commit."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text

from alerts.domain.conditions import Memory, RuleMemory
from alerts.domain.decision import ServiceState
from alerts.domain.episodes import AlertKey, Episode, Transition
from alerts.domain.notifications import Notification
from alerts.domain.stages import LastNotified
from common.events import AlertAcknowledged
from common.storage.database import ReadSession, WriteSession

StoredMemory = tuple[str, str, RuleMemory | None]
"""What a rule remembers: service, rule, and None where it is to be forgotten."""

_CHANGING = [
    name
    for name in Episode.__struct_fields__
    if name not in {"id", "shard", "service_name", "rule", "slo", "dedup_key", "started_at"}
]
_LOAD_EPISODES = text(
    """SELECT * FROM alerts.episode
    WHERE shard = :shard AND (resolved_at IS NULL OR notified_at > :notified_since)
    ORDER BY id"""
)
_LOAD_CONDITIONS = text(
    "SELECT service_name, rule, memory FROM alerts.condition WHERE shard = :shard"
)
_DRAW_IDS = text(
    """SELECT nextval(pg_get_serial_sequence('alerts.episode', 'id'))
    FROM generate_series(1, CAST(:count AS integer))"""
)
_STORE_EPISODES = text(
    f"""INSERT INTO alerts.episode
    SELECT * FROM jsonb_populate_recordset(NULL::alerts.episode, CAST(:rows AS jsonb))
    ON CONFLICT (id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}"""  # noqa: S608 - our names
)
_STORE_TRANSITIONS = text(
    """INSERT INTO alerts.transition (episode_id, version, kind, at, actor, on_behalf_of, reason)
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (episode_id bigint,
        version integer, kind text, at timestamptz, actor text, on_behalf_of text, reason text)"""
)
_STORE_CONDITIONS = text(
    """INSERT INTO alerts.condition AS c (service_name, rule, shard, memory)
    SELECT x.service_name, x.rule, :shard, x.memory
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (service_name text, rule text, memory jsonb)
    ON CONFLICT (service_name, rule) DO UPDATE
    SET shard = excluded.shard, memory = excluded.memory"""
)
_FORGET_CONDITIONS = text(
    """DELETE FROM alerts.condition AS c
    USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (service_name text, rule text)
    WHERE c.service_name = x.service_name AND c.rule = x.rule"""
)
_STORE_NOTIFICATIONS = text(
    """INSERT INTO alerts.notification
        (notice_key, channel, group_key, episode_ids, payload, repeat)
    SELECT x.notice_key, x.channel, x.group_key, x.episode_ids, x.payload, :repeat
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (notice_key text, channel text,
        group_key text, episode_ids bigint[], payload jsonb)
    ON CONFLICT (notice_key) DO NOTHING"""
)
_ACKNOWLEDGE_TOO_LATE = text(
    """WITH late AS (
        UPDATE alerts.episode SET acknowledgement_revision = :revision
        WHERE id = :id AND shard = :shard AND state = 'resolved'
            AND acknowledgement_revision < :revision
        RETURNING id, version)
    INSERT INTO alerts.transition (episode_id, version, kind, at, actor, on_behalf_of, reason)
    SELECT id, version, 'ack_too_late', :at, :actor, :on_behalf_of, :reason FROM late"""
)
_PURGE = text(
    """DELETE FROM alerts.episode WHERE id IN (
        SELECT id FROM alerts.episode WHERE shard = :shard AND resolved_at < :before LIMIT 1000)
    RETURNING id"""
)


async def load(
    session: ReadSession, shard: int, notified_since: datetime
) -> dict[str, ServiceState]:
    """Return the states of a shard's services: memories, open episodes, last notifications."""
    memories: dict[str, dict[AlertKey, Memory]] = defaultdict(dict)
    for row in await session.execute(_LOAD_CONDITIONS, {"shard": shard}):
        for slo, memory in msgspec.convert(row.memory, RuleMemory).by_slo.items():
            memories[row.service_name][AlertKey(row.rule, slo)] = memory
    episodes: dict[str, dict[AlertKey, Episode]] = defaultdict(dict)
    notified: dict[str, dict[AlertKey, LastNotified]] = defaultdict(dict)
    named = {"shard": shard, "notified_since": notified_since}
    for stored in (await session.execute(_LOAD_EPISODES, named)).mappings():
        found = _episode_of(stored)
        if found.is_open:
            episodes[found.service_name][found.key] = found
        if found.notified_at is not None:
            level = found.notified_level or found.level
            notified[found.service_name][found.key] = LastNotified(found.notified_at, level)
    names = {*memories, *episodes, *notified}
    return {n: ServiceState(memories[n], episodes[n], notified[n]) for n in names}


async def draw_ids(session: WriteSession, count: int) -> list[int]:
    """Return ids for new episodes."""
    return list(await session.scalars(_DRAW_IDS, {"count": count})) if count else []


async def store_episodes(session: WriteSession, episodes: Sequence[Episode]) -> None:
    """Store episodes as they are now."""
    if episodes:
        await session.execute(_STORE_EPISODES, {"rows": _json(episodes)})


async def store_transitions(session: WriteSession, lines: Sequence[tuple[int, Transition]]) -> None:
    """Append lines to the histories of episodes, by their ids."""
    rows = [{"episode_id": i, **msgspec.to_builtins(line)} for i, line in lines]
    if rows:
        await session.execute(_STORE_TRANSITIONS, {"rows": _json(rows)})


async def store_conditions(
    session: WriteSession, shard: int, memories: Sequence[StoredMemory]
) -> None:
    """Store and forget what rules remember."""
    rows = [{"service_name": name, "rule": rule, "memory": m} for name, rule, m in memories]
    if kept := [row for row in rows if row["memory"] is not None]:
        await session.execute(_STORE_CONDITIONS, {"shard": shard, "rows": _json(kept)})
    if gone := [row for row in rows if row["memory"] is None]:
        await session.execute(_FORGET_CONDITIONS, {"rows": _json(gone)})


async def store_notifications(
    session: WriteSession, notifications: Sequence[Notification], *, repeat: bool = False
) -> None:
    """Hand notifications to delivery; one that is there already stays as it is.

    A `repeat` is deleted once it has been attempted.
    """
    rows = [
        {
            "notice_key": notification.notice_key,
            "channel": notification.channel,
            "group_key": notification.group_key,
            "episode_ids": notification.episode_ids,
            "payload": notification,
        }
        for notification in notifications
    ]
    if rows:
        await session.execute(_STORE_NOTIFICATIONS, {"rows": _json(rows), "repeat": repeat})


async def acknowledge_too_late(
    session: WriteSession, shard: int, made: AlertAcknowledged, at: datetime
) -> None:
    """Record in the history of an episode that it had ended before it was acknowledged."""
    values = {
        "id": made.episode_id,
        "shard": shard,
        "revision": made.revision,
        "at": at,
        "actor": made.actor,
        "on_behalf_of": made.on_behalf_of,
        "reason": f"it was made for version {made.version}",
    }
    await session.execute(_ACKNOWLEDGE_TOO_LATE, values)


async def purge(session: WriteSession, shard: int, before: datetime) -> list[int]:
    """Delete a batch of episodes that ended before an instant; return their ids."""
    return list(await session.scalars(_PURGE, {"shard": shard, "before": before}))


def _episode_of(stored: RowMapping) -> Episode:
    """Return the episode of a row; a process of the version before names the objective only so."""
    slo = stored["slo"] or stored["annotations"].get("slo")
    return msgspec.convert({**stored, "slo": slo}, Episode)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
