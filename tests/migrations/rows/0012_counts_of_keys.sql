INSERT INTO catalog.api_keys (id, name, scopes, secrets, created_by, created_at, max_count_per_report)
    VALUES ('ba9876543210', 'batch', '{ingest}', '[{"hash": "a"}]', 'ana', timestamptz '2026-11-01 12:00:00Z', 1000);
