INSERT INTO burnrate.mark (shard, hour, imported, marks)
    VALUES (1, timestamptz '2026-09-01 12:00:00Z', true, '\x00000000000000000000000000000000000000ff');
