INSERT INTO alerts.episode (shard, service_name, rule, slo, dedup_key, state, version, level,
    severity, message, labels, annotations, started_at, updated_at, figures_at_firing,
    explained_level, notified_burn_rate)
    VALUES (1, 'cart', 'burn-rate-page', 'fast', 'another key', 'firing', 1, 1, 'page', 'It burns.',
    '{"service": "cart"}', '{}', timestamptz '2026-11-01 12:00:00Z',
    timestamptz '2026-11-01 12:00:00Z', '{"composite_burn_rate": 20}', 'FREEZE', 20);
