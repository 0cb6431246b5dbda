INSERT INTO burnrate.dead_letter VALUES ('letter', timestamptz '2026-11-01 12:00:00Z', 'invalid', 'service', 'too long',
    'slo.metrics.v1', 1, 4711, timestamptz '2026-11-01 12:00:00Z', 'key', 'value', 5, 'abc');
INSERT INTO gate.dead_letter VALUES ('letter', timestamptz '2026-11-01 12:00:00Z', 'invalid', 'service', 'too long',
    'slo.metrics.v1', 1, 4711, timestamptz '2026-11-01 12:00:00Z', 'key', 'value', 5, 'abc');
INSERT INTO catalog.dead_letter_replay VALUES ('letter', timestamptz '2026-11-01 12:00:00Z', 'ana', false);
