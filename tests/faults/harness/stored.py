"""What the burnrate service has left in PostgreSQL. The only place here that knows its tables."""

from typing import Any

import msgspec
import numpy as np

from tests.faults.model import Cell, Effects, ServiceRow
from tests.support.servers.cluster import connection
from tests.support.waiting import PATIENCE_SECONDS

_MICROS = 1_000_000

_BLOCKS = """SELECT shard, resolution_seconds, extract(epoch FROM bucket_end)::bigint, counts
    FROM burnrate.count_block"""
_SLOTS = "SELECT shard, slot, service FROM burnrate.service"
_LATENCY = """SELECT resolution_seconds, service, extract(epoch FROM bucket_end)::bigint,
    bounds, counts FROM burnrate.latency"""
_SERVICES = """SELECT service, (extract(epoch FROM newest_at) * 1000000)::bigint,
    duplicates, event_id_conflicts, unidentified, misrouted FROM burnrate.service"""
_OFFSETS = "SELECT topic, shard, next_offset FROM burnrate.shard_offset"
_OUTBOX = "SELECT dedup_key, topic FROM burnrate.outbox"
_SNAPSHOTS = "SELECT service, payload FROM burnrate.snapshot"


async def read_effects(database_url: str) -> Effects:
    """Return all tables as they are in one transaction; dead letters are on their topic."""
    async with (
        connection(database_url) as opened,
        opened.transaction(isolation="repeatable_read", readonly=True),
    ):
        return Effects(
            counts=await read_counts(opened),
            latency=await _latency(opened),
            services=await _services(opened),
            next_offsets=await _next_offsets(opened),
            waiting={row[0]: row[1] for row in await opened.fetch(_OUTBOX)},
            snapshots=await _snapshots(opened),
        )


async def read_progress(database_url: str) -> tuple[dict[tuple[str, int], int], int]:
    """Return the next offset by topic and shard, and how many records wait in the outbox."""
    async with connection(database_url, timeout=PATIENCE_SECONDS) as opened:
        waiting = await opened.fetchval(f"SELECT count(*) FROM ({_OUTBOX}) AS waiting")
        return await _next_offsets(opened), waiting


async def read_counts(opened: Any) -> dict[Cell, tuple[int, int, int]]:
    """Unpack the blocks: [slots, 3] int64, total, bad and shortest report of each service."""
    blocks = await opened.fetch(_BLOCKS)
    # after the blocks: a service has its name in the transaction that first stores its counts
    names = {(r[0], r[1]): r[2] for r in await opened.fetch(_SLOTS)}
    found: dict[Cell, tuple[int, int, int]] = {}
    for shard, resolution, end, packed in blocks:
        block = np.frombuffer(packed, "<i8").reshape(-1, 3)
        for slot in np.flatnonzero(block.any(axis=1)).tolist():
            name = names.get((shard, slot), f"slot {slot} of shard {shard}")
            total, bad, longest = block[slot].tolist()
            found[resolution, name, end] = (total, bad, longest)
    return found


async def _latency(opened: Any) -> dict[tuple[Cell, tuple[float, ...]], tuple[int, ...]]:
    rows = await opened.fetch(_LATENCY)
    return {((r[0], r[1], r[2]), tuple(r[3])): tuple(r[4]) for r in rows}


async def _services(opened: Any) -> dict[str, ServiceRow]:
    rows = await opened.fetch(_SERVICES)
    return {name: ServiceRow(*values) for name, *values in rows}


async def _next_offsets(opened: Any) -> dict[tuple[str, int], int]:
    return {(topic, shard): offset for topic, shard, offset in await opened.fetch(_OFFSETS)}


async def _snapshots(opened: Any) -> dict[str, tuple[int, int, tuple[int, ...]]]:
    found = {}
    for name, payload in await opened.fetch(_SNAPSHOTS):
        snapshot = msgspec.json.decode(payload)
        slo, counters = snapshot["slos"][0], snapshot["counters"]
        names = ("duplicates", "event_id_conflicts", "unidentified", "misrouted")
        found[name] = (slo["total"], slo["bad"], tuple(counters[n] for n in names))
    return found
