INSERT INTO burnrate.shard (shard, epoch, cluster_id, owner) VALUES (1, 7, 'kafka-a', 'host:1');
INSERT INTO burnrate.shard_offset VALUES (1, 'slo.metrics.v1', 4711, timestamptz '2026-11-01 12:00:00Z');
INSERT INTO burnrate.outbox (dedup_key, topic, key, value, headers)
    VALUES ('a-key', 'slo.catalog.v1', 'service/1', '{}', '{"correlation_id": "abc"}');
INSERT INTO burnrate.service VALUES ('checkout', 1, 0, timestamptz '2026-11-01 12:00:00Z', 5, 1, 2, 3);
INSERT INTO burnrate.count_block VALUES (1, 60, timestamptz '2026-11-01 12:00:00Z', decode(repeat('0a', 24), 'hex'));
INSERT INTO burnrate.latency
    VALUES (60, 'checkout', timestamptz '2026-11-01 12:00:00Z', ARRAY[0.1, 0.5], ARRAY[5, 3, 2]);
INSERT INTO burnrate.mark (shard, hour, marks)
    VALUES (1, timestamptz '2026-11-01 12:00:00Z', decode(repeat('0b', 20), 'hex'));
INSERT INTO burnrate.import_line VALUES (1, 'sha', 'lane', 99);
INSERT INTO burnrate.snapshot VALUES ('checkout', 1, 7, timestamptz '2026-11-01 12:00:00Z', '{"slos": []}');
