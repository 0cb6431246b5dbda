INSERT INTO catalog.audit (id, at, actor, action, subject, details, previous_hash, hash, credential, on_behalf_of)
    VALUES (2, timestamptz '2026-11-01 12:00:00Z', 'key/ana', 'override.created', 'override/1', '{}',
    repeat('0', 64), repeat('1', 64), 'key/4f1d09c2ab37', 'the team on call');
INSERT INTO catalog.overrides (service_name, decision, actor, on_behalf_of, reason, created_at, expires_at, state,
    credential, approver, approved_on_behalf_of)
    VALUES ('checkout', 'ALLOW', 'key/ana', 'ana', 'the outage is over', timestamptz '2026-11-01 12:00:00Z',
    timestamptz '2026-11-01 13:00:00Z', 'active', 'key/4f1d09c2ab37', 'key/ben', 'ben');
