"""What burnrate, the gate and alerts have stored, put into their tables for the gateway to read."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from api_gateway.alerts.domain import Alert, HistoryLine, Notification
from api_gateway.ingest_health.domain import ShardPosition, StoredDeadLetter
from common.counts.layout import RESOLUTIONS
from common.events import ChangeEvent, ChannelTestRequested, GateDecision
from common.kafka.topics import CHANGES, METRICS
from common.slo.windows import HOUR
from tests.support.burn_events import NOW
from tests.support.gateway.database import GatewayDatabase

LETTER_ID: Final = f"{1:032x}"
_SERVICE: Final = """INSERT INTO burnrate.service (service, shard, slot, newest_at)
    SELECT :service, count(*), 0, now() FROM burnrate.service ON CONFLICT (service) DO NOTHING"""
_BLOCKS: Final = """INSERT INTO burnrate.count_block
    SELECT shard, :resolution, to_timestamp(bucket_end), packed
    FROM burnrate.service, unnest(CAST(:ends AS bigint[]), CAST(:blocks AS bytea[]))
        AS block (bucket_end, packed) WHERE service = :service"""


async def store_counts(
    database: GatewayDatabase, service: str, reports: Iterable[tuple[int, int, int, int]]
) -> None:
    """Store what a service reported, in buckets of each length, in a shard of its own.

    A report is its end, its requests, the bad ones, and how many seconds it is long.
    """
    rows = list(reports)
    await database.run(_SERVICE, {"service": service})
    for resolution in RESOLUTIONS:
        counts: dict[int, tuple[int, int, int]] = {}
        for at, total, bad, seconds in rows:
            end = -(-at // resolution) * resolution
            sums = counts.get(end, (0, 0, seconds))
            counts[end] = (sums[0] + total, sums[1] + bad, min(sums[2], seconds))
        blocks = [struct.pack("<3q", *row) for row in counts.values()]
        row = {"service": service, "resolution": resolution, "ends": [*counts], "blocks": blocks}
        await database.run(_BLOCKS, row)


async def store_latency(
    database: GatewayDatabase, service: str, bounds: Sequence[float], counts: list[int], end: int
) -> None:
    """Store an hour's histogram: requests up to each of the bounds in seconds, and slower ones."""
    await database.run(
        """INSERT INTO burnrate.latency VALUES (:resolution, :service, to_timestamp(:end),
            CAST(:bounds AS float8[]), CAST(:counts AS bigint[]))""",
        {"resolution": HOUR, "service": service, "end": end, "bounds": bounds, "counts": counts},
    )


def alert(number: int, **fields: Any) -> Alert:
    """Return a page of checkout, but for what the fields say."""
    given: dict[str, Any] = {
        "shard": 0,
        "service_name": "checkout",
        "rule": "burn-rate-page",
        "severity": "page",
        "state": "firing",
        "version": 1,
        "message": "checkout burns its error budget",
        "labels": {"service": "checkout"},
        "annotations": {},
        "started_at": NOW,
        "updated_at": NOW,
        "resolved_at": None,
        "acknowledged_by": None,
        "acknowledged_on_behalf_of": None,
        "acknowledged_at": None,
        "held_by": None,
        "held_back": 0,
        "notices": 1,
        "channels": ("simulated",),
        "slo": None,
        "figures_at_firing": None,
        **fields,
    }
    return Alert(id=number, **given)


async def confirm_alerts(database: GatewayDatabase, at: datetime) -> None:
    """Store a sign of life of the alerts service, in the place of the one before it."""
    await database.run("DELETE FROM alerts.shard")
    await database.insert("alerts.shard", shard=0, epoch=1, owner="host:1", updated_at=at)


async def store_alert(database: GatewayDatabase, stored: Alert, *history: HistoryLine) -> None:
    """Store an alert with its transitions."""
    own = {"dedup_key": str(stored.id), "level": 1}
    await database.insert("alerts.episode", **own, **msgspec.structs.asdict(stored))
    for line in history:
        await database.insert("alerts.transition", episode_id=stored.id, **asdict(line))


def notification(number: int, **fields: Any) -> Notification:
    """Return a delivery of alert 1 to the simulated channel, but for what the fields say."""
    sent = {
        "episode_id": 1, "version": 1, "transition": "firing", "severity": "page",
        "rule": "burn-rate-page", "service_name": "checkout", "message": "it burns",
    }  # fmt: skip
    given: dict[str, Any] = {
        "channel": "simulated",
        "group_key": "checkout",
        "state": "sent",
        "attempts": 1,
        "last_error": None,
        "created_at": NOW,
        "next_attempt_at": NOW,
        "sent_at": NOW,
        "alerts": (sent,),
        **fields,
    }
    return Notification(id=number, **given)


async def store_notification(
    database: GatewayDatabase, stored: Notification, key: str | None = None
) -> None:
    """Store a notification, under a key of its own unless it has one."""
    columns = asdict(stored)
    sent = columns.pop("alerts")
    columns |= {"payload": {"alerts": sent}, "episode_ids": [one["episode_id"] for one in sent]}
    await database.insert("alerts.notification", notice_key=key or str(stored.id), **columns)


async def store_test(database: GatewayDatabase, asked: ChannelTestRequested, **fields: Any) -> None:
    """Store what came of the test of a channel: it was sent, but for what the fields say."""
    group = f"trial/{asked.channel}"
    (row,) = await database.rows("SELECT count(*) + 1 AS number FROM alerts.notification")
    made = notification(row.number, channel=asked.channel, group_key=group, alerts=(), **fields)
    await store_notification(database, made, f"{group}/{asked.command_id}")


async def store_decision(
    database: GatewayDatabase,
    decision: GateDecision,
    inputs: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
) -> None:
    """Store a decision with what it was made of, and a policy of its own."""
    key = decision.decision_id
    await database.insert(
        "gate.policy", hash=key, name="default", document=policy or {}, first_used_at=NOW
    )
    await database.insert(
        "gate.decision",
        decision_id=key,
        service=decision.service_name,
        shard=decision.shard,
        epoch=decision.epoch,
        decided_at=decision.decided_at,
        policy_hash=key,
        decision=decision,
        inputs=inputs or {},
    )


async def store_change(
    database: GatewayDatabase, number: int, event: ChangeEvent, sender: str = ""
) -> None:
    """Store a change that the broker took a second later; its identity is made of the number."""
    columns = msgspec.structs.asdict(event)
    seen = event.at + timedelta(seconds=1)
    await database.insert(
        "gate.changes", identity=bytes([number]) * 16, appended_at=seen, sender=sender, **columns
    )


def letter(number: int = 1, **fields: Any) -> StoredDeadLetter:
    """Return a dead letter; a greater number is newer."""
    value = b'{"service":"checkout","source":"edge"}'
    base = StoredDeadLetter(
        id=f"{number:032x}",
        recorded_at=NOW - timedelta(minutes=10) + timedelta(seconds=number),
        code="missing_field",
        field="total",
        detail="is required",
        topic=METRICS.name,
        partition=2,
        record_offset=40 + number,
        appended_at=NOW - timedelta(minutes=11),
        value=value,
        value_bytes=len(value),
        correlation_id="c-1",
    )
    return replace(base, **fields)


async def store_dead_letters(database: GatewayDatabase, *dead_letters: StoredDeadLetter) -> None:
    """Store dead letters where the consumer of their topic has them."""
    for one in dead_letters:
        columns = asdict(one)
        for replay in ("replayed_at", "replayed_by", "replayed_on_behalf_of", "corrected"):
            del columns[replay]
        consumer = "gate" if one.topic == CHANGES.name else "burnrate"
        await database.insert(f"{consumer}.dead_letter", **columns)


async def store_position(database: GatewayDatabase, at: ShardPosition) -> None:
    """Store the ledger of a shard that reads one topic."""
    await database.insert(f"{at.service}.shard", shard=at.shard, epoch=at.epoch, owner=at.owner)
    await database.insert(
        f"{at.service}.shard_offset",
        shard=at.shard,
        topic=at.topic,
        next_offset=at.next_offset,
        applied_through=at.applied_through,
    )
