INSERT INTO burnrate.dead_letter_sum VALUES ('slo.metrics.v1', 'too_many_services', 'key/4f1d09c2ab37',
    timestamptz '2026-11-01 12:00:00Z', 90000, timestamptz '2026-11-01 12:00:40Z', 'shop-4711 is new');
INSERT INTO gate.dead_letter_sum VALUES ('slo.changes.v1', 'invalid_kind', '',
    timestamptz '2026-11-01 12:00:00Z', 3, timestamptz '2026-11-01 12:00:40Z', 'must be one of deploy');
