INSERT INTO catalog.overrides (service_name, decision, actor, reason, created_at, expires_at, state, credential)
    VALUES ('checkout', 'ALLOW', 'ana', 'the outage is over', timestamptz '2026-11-01 12:00:00Z',
    timestamptz '2026-11-01 13:00:00Z', 'pending', 'key/4f1d09c2ab37');
