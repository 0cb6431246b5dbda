INSERT INTO gate.shard (shard, epoch, cluster_id, owner) VALUES (1, 7, 'kafka-a', 'host:1');
INSERT INTO gate.shard_offset VALUES (1, 'slo.metrics.v1', 4711, timestamptz '2026-11-01 12:00:00Z');
INSERT INTO gate.outbox (dedup_key, topic, key, value, headers)
    VALUES ('a-key', 'slo.catalog.v1', 'service/1', '{}', '{"correlation_id": "abc"}');
INSERT INTO gate.policy VALUES ('hash', 'default', '{"tiers": {}}', timestamptz '2026-11-01 12:00:00Z');
INSERT INTO gate.decision
    VALUES ('01A', 'checkout', 1, 7, timestamptz '2026-11-01 12:00:00Z', 'hash', '{"decision": "ALLOW"}', '{}');
INSERT INTO gate.standing VALUES ('checkout', 1, 7, timestamptz '2026-11-01 12:00:00Z', '01A');
INSERT INTO gate.changes VALUES ('identity', 'checkout', timestamptz '2026-11-01 12:00:00Z', 'deploy', '1.42.0',
    'ana', '', 'a note', 'ci', 'run-1', timestamptz '2026-11-01 12:00:00Z');
INSERT INTO catalog.overrides (service_name, decision, actor, reason, created_at,
    expires_at, max_uses, state) VALUES ('checkout', 'ALLOW', 'ana', 'a hot fix for the tills',
    timestamptz '2026-11-01 12:00:00Z', timestamptz '2026-11-01 12:00:00Z' + interval '1 hour', 2, 'active');
INSERT INTO catalog.policies (name, hash, document)
    VALUES ('payments', 'hash', '{"name":  "payments"}');
INSERT INTO catalog.audit
    VALUES (1, timestamptz '2026-11-01 12:00:00Z', 'ana', 'override.added', 'override/1', 'checkout', '{"a":  1}',
    'before', 'after');
