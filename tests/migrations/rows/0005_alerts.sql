INSERT INTO alerts.shard (shard, epoch, cluster_id, owner) VALUES (1, 7, 'kafka-a', 'host:1');
INSERT INTO alerts.shard_offset VALUES (1, 'slo.metrics.v1', 4711, timestamptz '2026-11-01 12:00:00Z');
INSERT INTO alerts.outbox (dedup_key, topic, key, value, headers)
    VALUES ('a-key', 'slo.catalog.v1', 'service/1', '{}', '{"correlation_id": "abc"}');
INSERT INTO catalog.alert_rules (name, document)
    VALUES ('burn-rate-page', '{"kind": "burn_rate"}');
INSERT INTO catalog.silences (matchers, starts_at, ends_at, created_by, comment)
    VALUES ('[]', timestamptz '2026-11-01 12:00:00Z', timestamptz '2026-11-01 12:00:00Z' + interval '1 hour', 'ana', 'planned work');
INSERT INTO catalog.channels (name, kind, secrets)
    VALUES ('hook', 'webhook', '{"url": "http://127.0.0.1/hook"}');
INSERT INTO catalog.acknowledgements (episode_id, version, actor, comment)
    VALUES (1, 1, 'ana', 'on it');
INSERT INTO alerts.condition VALUES ('checkout', 'burn-rate-page', 1, '{"level": 1}');
INSERT INTO alerts.episode (shard, service_name, rule, dedup_key, state, version, level,
    severity, message, labels, annotations, started_at, updated_at, channels)
    VALUES (1, 'checkout', 'burn-rate-page', 'key', 'firing', 1, 1, 'page', 'It burns.',
    '{"service": "checkout"}', '{}', timestamptz '2026-11-01 12:00:00Z', timestamptz '2026-11-01 12:00:00Z', '{simulated}');
INSERT INTO alerts.transition (episode_id, version, kind, at, actor, reason)
    VALUES (1, 1, 'firing', timestamptz '2026-11-01 12:00:00Z', 'burnline', '');
INSERT INTO alerts.notification (notice_key, channel, group_key, episode_ids, payload)
    VALUES ('notice', 'hook', 'group', '{1}', '{"alerts": []}');
INSERT INTO alerts.repeated VALUES ('hook', timestamptz '2026-11-01 12:00:00Z');
INSERT INTO alerts.attempt (notification_id, number, started_at)
    VALUES (1, 1, timestamptz '2026-11-01 12:00:00Z');
