"""What stands in PostgreSQL before `bench_reads.py` begins: results of every service."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import text

from common.storage.database import WriteSession

FILL = (
    """INSERT INTO burnrate.snapshot (service, shard, epoch, evaluated_at, payload)
    VALUES (:service, 0, 1, :at, CAST(:snapshot AS jsonb))""",
    """INSERT INTO gate.policy (hash, name, document, first_used_at)
    VALUES ('-', 'default', '{}', :at) ON CONFLICT DO NOTHING""",
    """INSERT INTO gate.decision (decision_id, service, shard, epoch, decided_at, policy_hash,
        decision, inputs) VALUES (:service, :service, 0, 1, :at, '-',
        CAST(:decision AS jsonb), '{}')""",
    """INSERT INTO gate.standing (service, shard, epoch, decided_at, decision_id)
    VALUES (:service, 0, 1, :at, :service)""",
    """INSERT INTO burnrate.service (service, shard, slot, newest_at)
    VALUES (:service, 0, :slot, :at)""",
)
HOUR_BLOCK = text(
    """INSERT INTO burnrate.count_block (shard, resolution_seconds, bucket_end, counts)
    VALUES (0, 3600, :ended, :counts)"""
)
HOURS = 26


async def store(session: WriteSession, rows: list[dict[str, Any]]) -> None:
    """Store the services' snapshots, decisions and hours of counts."""
    for statement in FILL:
        await session.execute(text(statement), rows)
    chance, size = np.random.default_rng(7), len(rows)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for ago in range(HOURS):
        total = chance.poisson(36_000, size)
        bad = chance.binomial(total, chance.choice([0.0002, 0.0014], size))
        packed = np.stack([total, bad, np.full(size, 10)], 1).astype("<i8").tobytes()
        ended = hour + timedelta(hours=1 - ago)
        await session.execute(HOUR_BLOCK, {"ended": ended, "counts": packed})
