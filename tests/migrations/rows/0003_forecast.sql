INSERT INTO forecast.shard (shard, epoch, cluster_id, owner) VALUES (1, 7, 'kafka-a', 'host:1');
INSERT INTO forecast.shard_offset VALUES (1, 'slo.metrics.v1', 4711, timestamptz '2026-11-01 12:00:00Z');
INSERT INTO forecast.forecast VALUES ('checkout', 1, 7, timestamptz '2026-11-01 12:00:00Z', '{"p50": 1.5}');
