INSERT INTO gate.changes (identity, service, at, kind, version, actor, url, note, source, event_id, appended_at, sender)
    VALUES (decode(repeat('ab', 16), 'hex'), 'checkout', timestamptz '2026-11-01 12:00:00Z', 'deploy', '1.2', 'ana',
    '', '', 'ci', '', timestamptz '2026-11-01 12:00:01Z', 'key/4f1d09c2ab37');
