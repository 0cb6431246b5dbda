"""All SQL of delivery. Callers open sessions and commit.

PostgreSQL's clock decides what is due, so that processes need not agree on theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import TextClause, text

from alerts.delivery.channel import Channel
from alerts.delivery.outcome import DeliveryOutcome
from alerts.domain.episodes import Episode
from alerts.domain.notifications import MAX_ALERTS, Notification, alert_of
from alerts.storage.repository import store_notifications
from common.config.clock import to_micros
from common.storage.database import WriteSession

# Claims, for each channel with free places, what has been due for longest, so that what fails again
# and again does not block the rest. A row waits as long as an earlier one of the same episode is
# pending, and is put off until that one is due (not while that one is being sent, which is soon
# over). So it sorts behind it, and the first rows are never all blocked.
# (`|| ''` and `+ 0` keep the planner from all indexes but that of the episodes: it takes others for
# cheap as long as it has not seen a burst, and they read all that waits.)
# A process keeps the row it works on, even if its lease ends while PostgreSQL is away.
_CLAIM = text(
    """WITH place AS (
        SELECT c.name, c.kind, c.secrets,
            CAST(:concurrency AS int) - coalesce(busy.count, 0) AS free
        FROM catalog.channels c
        LEFT JOIN unnest(CAST(:busy_channels AS text[]), CAST(:busy_counts AS int[]))
            AS busy (channel, count) ON busy.channel = c.name
        WHERE c.enabled AND c.retired_at IS NULL),
    first AS (
        SELECT due.*, place.kind, place.secrets, place.free
        FROM place CROSS JOIN LATERAL (
            SELECT n.id, n.channel, n.next_attempt_at, n.episode_ids
            FROM alerts.notification n
            WHERE n.channel = place.name AND n.state = 'pending' AND n.next_attempt_at <= now()
                AND n.id <> ALL(CAST(:in_flight AS bigint[]))
            ORDER BY n.next_attempt_at, n.id LIMIT :window
            FOR UPDATE OF n SKIP LOCKED) AS due
        WHERE place.free > 0),
    checked AS (
        SELECT first.*, (
            SELECT max(CASE WHEN made.id IS NOT NULL AND made.ended_at IS NULL
                THEN '-infinity' ELSE earlier.next_attempt_at END)
            FROM alerts.notification earlier
            LEFT JOIN alerts.attempt made
                ON made.notification_id = earlier.id AND made.number = earlier.attempts
            WHERE earlier.state = 'pending' AND earlier.episode_ids && first.episode_ids
                AND earlier.channel || '' = first.channel AND earlier.id + 0 < first.id
            ) AS blocked_until
        FROM first),
    put_off AS (
        UPDATE alerts.notification n SET next_attempt_at = checked.blocked_until
        FROM checked WHERE n.id = checked.id AND checked.blocked_until > checked.next_attempt_at),
    chosen AS (
        SELECT id, kind, secrets, free,
            row_number() OVER (PARTITION BY channel ORDER BY next_attempt_at, id) AS number
        FROM checked WHERE blocked_until IS NULL),
    claimed AS (
        UPDATE alerts.notification n
        SET attempts = n.attempts + 1,
            next_attempt_at = now() + make_interval(secs => CAST(:lease_seconds AS float8))
        FROM chosen WHERE n.id = chosen.id AND chosen.number <= chosen.free
        RETURNING n.id, n.channel, n.payload, n.attempts, n.repeat, n.created_at,
            chosen.kind, chosen.secrets),
    recorded AS (
        INSERT INTO alerts.attempt (notification_id, number, started_at)
        SELECT id, attempts, now() FROM claimed)
    SELECT *, extract(epoch FROM now() - created_at)::float8 AS age_seconds
    FROM claimed ORDER BY id"""
)
_WINDOW_ROWS = 64  # of a channel that one turn looks at
_GIVE_UP_THE_UNDELIVERABLE = text(
    """UPDATE alerts.notification n
    SET state = 'dead', last_error = CASE WHEN n.attempts >= :max_attempts
        THEN 'given up; how the last attempt ended is not known'
        ELSE 'the channel is disabled or gone' END
    WHERE n.state = 'pending' AND n.next_attempt_at <= now()
        AND n.id <> ALL(CAST(:in_flight AS bigint[]))
        AND (n.attempts >= :max_attempts OR NOT EXISTS (
            SELECT FROM catalog.channels c
            WHERE c.name = n.channel AND c.enabled AND c.retired_at IS NULL))"""
)
_END_ATTEMPT = text(
    """UPDATE alerts.attempt
    SET ended_at = now(), outcome = :outcome, status_code = :status_code, error = :error
    WHERE notification_id = :id AND number = :number"""
)
_SENT = text(
    """UPDATE alerts.notification SET state = 'sent', sent_at = now(), last_error = NULL
    WHERE id = :id"""
)
# The later attempt of another process counts, not one that ended after its lease.
_FAILED = text(
    """UPDATE alerts.notification
    SET state = :state, last_error = :error,
        next_attempt_at = now() + make_interval(secs => CAST(:delay_seconds AS float8))
    WHERE id = :id AND state = 'pending' AND attempts = :number"""
)
_FORGET = text("DELETE FROM alerts.notification WHERE id = :id")
# The row of a channel says when it was last repeated to; whoever moves it on has the turn. There is
# no other repeat as long as the last one is still to be sent.
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
# Skips an episode that is being changed: its resolve might be written and sent before this repeat.
# The others cannot change until this is committed, so their resolve comes after it.
_OPEN_EPISODES = text(
    """SELECT * FROM alerts.episode
    WHERE resolved_at IS NULL AND CAST(:channel AS text) = ANY(channels)
    ORDER BY id FOR SHARE SKIP LOCKED"""
)
_PURGE = text(
    """DELETE FROM alerts.notification WHERE id IN (
        SELECT id FROM alerts.notification
        WHERE state <> 'pending'
            AND created_at < now() - make_interval(secs => CAST(:keep_seconds AS float8))
        ORDER BY id LIMIT 1000)"""
)


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that this process has recorded and now has to make."""

    id: int
    attempt: int
    channel: Channel
    notification: Notification
    repeat: bool
    age_seconds: float


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """An attempt that was made. `delay_seconds` is the pause before the next; None: no other."""

    claim: Claim
    outcome: DeliveryOutcome
    delay_seconds: float | None

    @property
    def result(self) -> Literal["delivered", "failed", "given_up"]:
        """The result as the attempt's row names it."""
        if self.outcome.delivered:
            return "delivered"
        return "given_up" if self.delay_seconds is None else "failed"

    def values(self) -> dict[str, Any]:
        """Return the parameters of the statements. A repeat is deleted, whatever its result."""
        return {
            "id": self.claim.id,
            "number": self.claim.attempt,
            "outcome": self.result,
            "status_code": self.outcome.status_code,
            "error": self.outcome.error,
            "state": "dead" if self.result == "given_up" else "pending",
            "delay_seconds": self.delay_seconds or 0.0,
        }


async def claim(
    session: WriteSession,
    busy: Mapping[str, int],
    in_flight: Sequence[int],
    concurrency: int,
    lease_seconds: float,
) -> list[Claim]:
    """Record an attempt of what is due and return it, up to `concurrency` for each channel.

    `busy` are the places taken by channel, `in_flight` the rows that this process works on. The
    row of a process that ends before it has stored the outcome is free after the lease.
    """
    rows = await session.execute(
        _CLAIM,
        {
            "busy_channels": list(busy),
            "busy_counts": list(busy.values()),
            "in_flight": list(in_flight),
            "concurrency": concurrency,
            "window": _WINDOW_ROWS,
            "lease_seconds": lease_seconds,
        },
    )
    return [_claim_of(row) for row in rows]


async def give_up_the_undeliverable(
    session: WriteSession, in_flight: Sequence[int], max_attempts: int
) -> None:
    """Mark as dead what has no channel any more, and what has used up its attempts."""
    named = {"in_flight": list(in_flight), "max_attempts": max_attempts}
    await session.execute(_GIVE_UP_THE_UNDELIVERABLE, named)


async def store(session: WriteSession, ended: Sequence[EndedAttempt]) -> None:
    """Store the outcomes of attempts."""
    for statement, chosen in _by_statement(ended):
        if chosen:
            await session.execute(statement, [attempt.values() for attempt in chosen])


def _by_statement(ended: Sequence[EndedAttempt]) -> Iterator[tuple[TextClause, list[EndedAttempt]]]:
    yield _END_ATTEMPT, list(ended)
    yield _SENT, [e for e in ended if e.result == "delivered" and not e.claim.repeat]
    yield _FAILED, [e for e in ended if e.result != "delivered" and not e.claim.repeat]
    yield _FORGET, [e for e in ended if e.claim.repeat]


async def write_repeats(session: WriteSession, repeat_seconds: float) -> int:
    """Repeat all open episodes to each Alertmanager whose turn it is; return the rows written.

    Until the session commits, no other process gets the turn.
    """
    turns = await session.execute(_TAKE_TURNS, {"repeat_seconds": repeat_seconds})
    repeats = []
    for channel, at in turns.all():
        found = await session.execute(_OPEN_EPISODES, {"channel": channel})
        episodes = [msgspec.convert(dict(row), Episode) for row in found.mappings()]
        alerts = [alert_of(episode, "firing") for episode in episodes]
        repeats += [
            Notification(
                notice_key=f"repeat/{channel}/{to_micros(at)}/{start // MAX_ALERTS}",
                channel=channel,
                group_key="repeat",
                group_labels={},
                alerts=tuple(alerts[start : start + MAX_ALERTS]),
            )
            for start in range(0, len(alerts), MAX_ALERTS)
        ]
    await store_notifications(session, repeats, repeat=True)
    return len(repeats)


async def purge(session: WriteSession, keep_seconds: float) -> None:
    """Delete a batch of the oldest notifications that are done and past the retention."""
    await session.execute(_PURGE, {"keep_seconds": keep_seconds})


def _claim_of(row: Any) -> Claim:
    return Claim(
        id=row.id,
        attempt=row.attempts,
        channel=Channel(row.channel, row.kind, row.secrets),
        notification=msgspec.convert(row.payload, Notification),
        repeat=row.repeat,
        age_seconds=row.age_seconds,
    )
