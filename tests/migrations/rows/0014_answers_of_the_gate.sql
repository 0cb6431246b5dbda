UPDATE gate.shard SET published_at = timestamptz '2026-11-01 12:00:00Z';
UPDATE gate.decision SET previous_until = timestamptz '2026-11-01 11:59:00Z';
