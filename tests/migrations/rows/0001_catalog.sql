INSERT INTO catalog.services (name, tier, owner, description)
    VALUES ('checkout', 1, 'payments', 'takes the money');
INSERT INTO catalog.services (name, tier, owner, retired_at)
    VALUES ('cart', 3, 'shop', now());
INSERT INTO catalog.slo_targets
    (service_id, name, sli_type, objective, window_days, min_bad_events)
    VALUES (1, 'main', 'availability', 0.9995, 30, 3);
INSERT INTO catalog.slo_targets
    (service_id, name, sli_type, objective, window_days, threshold_seconds)
    VALUES (1, 'fast', 'latency', 0.99, 7, 0.25);
INSERT INTO catalog.outbox (dedup_key, topic, key, value, headers)
    VALUES ('a-key', 'slo.catalog.v1', 'service/1', '{}', '{"correlation_id": "abc"}');
