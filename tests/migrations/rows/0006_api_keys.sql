INSERT INTO catalog.api_keys (id, name, scopes, secrets, created_by, created_at)
    VALUES ('0123456789ab', 'ci', '{events:write}', '[{"hash": "a"}]', 'ana', timestamptz '2026-11-01 12:00:00Z');
